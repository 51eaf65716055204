//go:build linux

// Command webhook is an admission webhook for tests on the cluster of hack/cluster: `go run ./hack/webhook PID` listens
// on the loopback of the node whose process has that PID, registers itself at the API server that KUBECONFIG names,
// says "ready", and takes that back when it is interrupted. It is asked only about Pods with the label webhook=example:
// those called "denied" it denies, to all others it adds a container and a label.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	admissionv1 "k8s.io/api/admission/v1"
	registration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	configuration = "example"
	name          = "inject.example.com"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: webhook PID")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := listenIn("/proc/" + os.Args[1] + "/ns/net")
	if err != nil {
		return err
	}
	cert, ca, err := certificate()
	if err != nil {
		return err
	}
	s := &http.Server{Handler: http.HandlerFunc(review), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	served := make(chan error, 1)
	go func() { served <- s.ServeTLS(l, "", "") }()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	c, err := client.NewForConfig(config)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("https://%s/", l.Addr())
	policy, effects := registration.Fail, registration.SideEffectClassNone
	pods := registration.RuleWithOperations{Operations: []registration.OperationType{registration.Create},
		Rule: registration.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}}}
	hook := registration.MutatingWebhook{
		Name: name, ClientConfig: registration.WebhookClientConfig{URL: &url, CABundle: ca},
		Rules: []registration.RuleWithOperations{pods}, FailurePolicy: &policy, SideEffects: &effects,
		AdmissionReviewVersions: []string{"v1"},
		ObjectSelector:          &metav1.LabelSelector{MatchLabels: map[string]string{"webhook": "example"}},
	}
	all := c.MutatingWebhookConfigurations()
	_ = all.Delete(ctx, configuration, metav1.DeleteOptions{}) // of a run that was killed
	if _, err := all.Create(ctx,
		&registration.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: configuration},
			Webhooks: []registration.MutatingWebhook{hook}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	fmt.Println("ready")
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, all.Delete(ctx, configuration, metav1.DeleteOptions{}), s.Shutdown(ctx))
}

// listenIn opens a socket on the loopback of another network namespace. A socket stays where it was made.
func listenIn(namespace string) (net.Listener, error) {
	f, err := os.Open(namespace)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var l net.Listener
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		var err error
		l, err = net.Listen("tcp", "127.0.0.1:0")
		done <- err
	}()
	return l, <-done
}

func certificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

func review(w http.ResponseWriter, r *http.Request) {
	var ask admissionv1.AdmissionReview
	var pod corev1.Pod
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Request == nil ||
		json.Unmarshal(ask.Request.Object.Raw, &pod) != nil {
		http.Error(w, "no review of a Pod", http.StatusBadRequest)
		return
	}
	answer := &admissionv1.AdmissionResponse{UID: ask.Request.UID, Allowed: pod.Name != "denied"}
	if !answer.Allowed {
		answer.Result = &metav1.Status{Message: "no Pod may be called denied"}
	} else {
		kind := admissionv1.PatchTypeJSONPatch
		answer.PatchType = &kind
		answer.Patch = []byte(`[{"op": "add", "path": "/metadata/labels/injected", "value": "yes"},
			{"op": "add", "path": "/spec/containers/-", "value": {"name": "proxy", "image": "busybox:1", "command": ["sleep", "1000"]}}]`)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(admissionv1.AdmissionReview{TypeMeta: ask.TypeMeta, Response: answer})
}
