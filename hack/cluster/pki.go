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
func writePKI(d dirs) error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.in("etc", "ca.crt"), ca.certPEM, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(d.in("etc", "ca.key"), ca.keyPEM, 0o600); err != nil { // for tests that need other certificates
		return err
	}
	for _, c := range []struct{ file, name, group string }{
		{"apiserver", "kube-apiserver", ""},
		{"kubelet-server", "system:node:" + nodeName, "system:nodes"},
		{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"},
		{"admin", "kubernetes-admin", "system:masters"},
		{"controller-manager", "system:kube-controller-manager", ""},
		{"scheduler", "system:kube-scheduler", ""},
		{"kubelet", "system:node:" + nodeName, "system:nodes"},
	} {
		cert, key, err := ca.issue(c.name, c.group)
		if err != nil {
			return err
		}
		if err := os.WriteFile(d.in("etc", c.file+".crt"), cert, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(d.in("etc", c.file+".key"), key, 0o600); err != nil {
			return err
		}
		if err := os.WriteFile(d.kubeconfig(c.file), kubeconfig(ca.certPEM, cert, key), 0o600); err != nil {
			return err
		}
	}
	_, key, err := newKey() // signs ServiceAccount tokens
	if err != nil {
		return err
	}
	return os.WriteFile(d.in("etc", "sa.key"), key, 0o600)
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

func (a *authority) issue(name, group string) (cert, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: name},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost", nodeName, "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local"},
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP(nodeIP), net.ParseIP("10.96.0.1")},
	}
	if group != "" {
		template.Subject.Organization = []string{group}
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
`, nodeIP, b(ca), b(cert), b(key))
}
