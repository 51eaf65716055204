//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

const mapObjects = `
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080", prometheus.io/path: /healthz, note: hunter2}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "mkdir -p /www; echo ok > /www/healthz; sleep 100000 & exec httpd -f -p 8080 -h /www"]
    env: [{name: PASSWORD, value: hunter2}]
    ports: [{name: http, containerPort: 8080}]
    startupProbe: {tcpSocket: {port: http}, periodSeconds: 1}
    livenessProbe: {httpGet: {path: /healthz, port: http, httpHeaders: [{name: Authorization, value: hunter2}]}, periodSeconds: 2, failureThreshold: 1000}
    readinessProbe: {exec: {command: [cat, /www/healthz]}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: odd, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090", prometheus.io/path: "/x';$(touch /tmp/seq-map-was-here)"}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: busybox:1
    command: [sh, -c, "httpd -p 9090 -h /; while true; do nc WEB 8080 </dev/zero; sleep 1; done"]
    readinessProbe: {grpc: {port: 9090}}
    livenessProbe: {exec: {command: [echo, "$(touch /tmp/seq-map-was-here)<script>alert(1)</script>"]}, failureThreshold: 1000}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: web.example, http: {paths: [{path: /shop, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: shipper}
spec:
  selector: {matchLabels: {app: shipper}}
  template:
    metadata: {labels: {app: shipper}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: shipper, image: "busybox:1", command: [sleep, "100000"], volumeMounts: [{name: logs, mountPath: /logs, readOnly: true}]}]
      volumes: [{name: logs, hostPath: {path: /var/log}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec: {parentRefs: [{name: public}], hostnames: [web.example], rules: [{backendRefs: [{name: web, port: 80}]}]}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, endpoints: [{port: http, path: /healthz}]}
`

// mapKinds are those of a Gateway and of the Prometheus Operator, without anybody who acts on them.
const mapKinds = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: httproutes.gateway.networking.k8s.io, annotations: {api-approved.kubernetes.io: "unapproved, a test"}}
spec: {group: gateway.networking.k8s.io, scope: Namespaced, names: {plural: httproutes, singular: httproute, kind: HTTPRoute}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec: {group: monitoring.coreos.com, scope: Namespaced, names: {plural: servicemonitors, singular: servicemonitor, kind: ServiceMonitor}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}
`

const mapExtensions = `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.GROUP}
spec: {group: GROUP, version: v1, insecureSkipTLSVerify: true, groupPriorityMinimum: 10, versionPriority: 10, service: {name: outside, namespace: NAMESPACE, port: PORT}}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: NAMESPACE}
spec: {type: ExternalName, externalName: HOST, ports: [{port: PORT}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NAMESPACE}
webhooks:
- name: map.example.com
  clientConfig: {url: "https://HOST:PORT/validate", caBundle: CERTIFICATE}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
`

// outsideServer is a server on this machine that the API server can call: a webhook, and an aggregated API.
type outsideServer struct{ validated, listed atomic.Int32 }

func (o *outsideServer) serve(t *testing.T, group string) (host string, port int, certificate []byte) {
	t.Helper()
	server, err := url.Parse(config(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	probe, err := net.Dial("udp", server.Host) // sends nothing; it tells by which address of ours it would
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = net.SplitHostPort(probe.LocalAddr().String())
	probe.Close()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		NotBefore:   time.Now().Add(-time.Hour),
		IPAddresses: []net.IP{net.ParseIP(host)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", net.JoinHostPort(host, "0"),
		&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/validate" {
			o.listed.Add(1)
			fmt.Fprintf(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"%s/v1","resources":[]}`, group)
			return
		}
		var review struct{ Request struct{ UID string } }
		json.NewDecoder(r.Body).Decode(&review)
		o.validated.Add(1)
		fmt.Fprintf(w, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":%q,"allowed":true}}`,
			review.Request.UID)
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return host, l.Addr().(*net.TCPAddr).Port, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
