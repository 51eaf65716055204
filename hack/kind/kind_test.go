// Package kind holds the files for a kind cluster that records itself against the APIs that read them.
package kind

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/yaml"
)

// read decodes a file strictly: a field that the API does not have is an error.
func read(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestFiles(t *testing.T) {
	text, err := os.ReadFile("kind.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var workers v1alpha4.Cluster
	if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(string(text), "\n#- ", "\n- ")), &workers); err != nil ||
		len(workers.Nodes) != 3 || len(workers.Nodes[2].ExtraMounts) != len(workers.Nodes[0].ExtraMounts) {
		t.Errorf("with workers: %v, %+v", err, workers.Nodes)
	}
	var cluster v1alpha4.Cluster
	read(t, "kind.yaml", &cluster)
	if cluster.Kind != "Cluster" || cluster.APIVersion != "kind.x-k8s.io/v1alpha4" || len(cluster.Nodes) != 1 {
		t.Errorf("%+v", cluster.TypeMeta)
	}
	for _, m := range cluster.Nodes[0].ExtraMounts {
		if m.HostPath == "bin/kubectl-seq" {
			continue // built by make
		}
		if _, err := os.Stat(filepath.Join("../..", m.HostPath)); err != nil {
			t.Error(err)
		}
	}
	var policy auditv1.Policy
	read(t, "audit-policy.yaml", &policy)
	if len(policy.Rules) == 0 || len(policy.OmitStages) != 2 {
		t.Errorf("%+v", policy)
	}
	var tracing apiserverv1.TracingConfiguration
	read(t, "tracing.yaml", &tracing)
	if tracing.Endpoint == nil || *tracing.SamplingRatePerMillion != 1000000 {
		t.Errorf("%+v", tracing)
	}
	policyOfCluster, err := os.ReadFile("../cluster/config/audit-policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if ours, _ := os.ReadFile("audit-policy.yaml"); string(ours) != string(policyOfCluster) {
		t.Error("the policy is not the one that the tests of this repository run with")
	}
	for _, patch := range cluster.KubeadmConfigPatches {
		if !strings.Contains(patch, "kind: KubeletConfiguration") {
			continue
		}
		var kubelet kubeletv1beta1.KubeletConfiguration
		if err := yaml.UnmarshalStrict([]byte(patch), &kubelet); err != nil ||
			*kubelet.Tracing.Endpoint != *tracing.Endpoint {
			t.Errorf("%v: %+v", err, kubelet.Tracing)
		}
	}
}

// kubeadm itself validates what it would be given.
func TestKubeadmTakesThePatches(t *testing.T) {
	var cluster v1alpha4.Cluster
	read(t, "kind.yaml", &cluster)
	file := filepath.Join(t.TempDir(), "kubeadm.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(cluster.KubeadmConfigPatches, "\n---\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "kubeadm", "config", "validate", "--config", file).CombinedOutput()
	if err != nil || strings.Contains(strings.ToLower(string(out)), "unknown") {
		t.Errorf("%v: %s", err, out)
	}
}
