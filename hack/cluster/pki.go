package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// writePKI makes one authority, a certificate for each component that serves or calls, and a kubeconfig for each that
// calls. The organisations are the groups Kubernetes' own RBAC rules are bound to.
func writePKI(d dirs, nodes int) error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.in("etc", "ca.key"), ca.keyPEM, 0o600); err != nil { // for tests that need other certificates
		return err
	}
	for _, c := range []subject{
		{"apiserver", "kube-apiserver", ""},
		{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"},
		{"admin", "kubernetes-admin", "system:masters"},
		{"controller-manager", "system:kube-controller-manager", ""},
		{"scheduler", "system:kube-scheduler", ""},
	} {
		if err := ca.write(d, c, controlPlane); err != nil {
			return err
		}
	}
	for _, n := range nodesUpTo(nodes) {
		if err := os.WriteFile(d.of(n).in("etc", "ca.crt"), ca.certPEM, 0o644); err != nil {
			return err
		}
		for _, file := range []string{"kubelet-server", "kubelet"} {
			if err := ca.write(d.of(n), subject{file, "system:node:" + n.name(), "system:nodes"}, n); err != nil {
				return err
			}
		}
	}
	_, key, err := newKey() // signs ServiceAccount tokens
	if err != nil {
		return err
	}
	return os.WriteFile(d.in("etc", "sa.key"), key, 0o600)
}

// subject is whom a certificate is for, and the name of its files.
type subject struct{ file, name, group string }

// write puts the certificate, its key and a kubeconfig with both where the node has its configuration.
func (a *authority) write(d dirs, s subject, n node) error {
	cert, key, err := a.issue(s, n)
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.in("etc", s.file+".crt"), cert, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(d.in("etc", s.file+".key"), key, 0o600); err != nil {
		return err
	}
	return os.WriteFile(d.kubeconfig(s.file), kubeconfig(a.certPEM, cert, key), 0o600)
}

type authority struct {
	cert            *x509.Certificate
	certPEM, keyPEM []byte
	key             *ecdsa.PrivateKey
	serial          int64
}

func newAuthority() (*authority, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubectl-seq development"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return &authority{cert: cert, certPEM: block("CERTIFICATE", der), keyPEM: keyPEM, key: key, serial: 1}, nil
}

func (a *authority) issue(s subject, n node) (cert, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: s.name},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost", n.name(), "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local"},
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP(n.ip()), net.ParseIP("10.96.0.1")},
	}
	if s.group != "" {
		template.Subject.Organization = []string{s.group}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	return block("CERTIFICATE", der), keyPEM, err
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	return key, block("EC PRIVATE KEY", der), err
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func kubeconfig(ca, cert, key []byte) []byte {
	b := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: lab}}]
clusters: [{name: lab, cluster: {server: "https://%s:6443", certificate-authority-data: %s}}]
users: [{name: lab, user: {client-certificate-data: %s, client-key-data: %s}}]
`, controlPlane.ip(), b(ca), b(cert), b(key))
}
