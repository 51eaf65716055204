//go:build e2e

package e2e

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// place is a namespace, and the kubeconfig whose context is there.
type place struct{ namespace, kubeconfig string }

// places are those of the tests that have one of their own, by the test's name.
var places sync.Map

// apart gives a test, and what it consists of, a namespace of its own, and lets it run beside others. What changes a
// node, or what all namespaces share, is not to be apart.
func apart(t *testing.T) {
	t.Helper()
	t.Parallel()
	namespace := ownNamespace(t)
	places.Store(t.Name(), place{namespace, inNamespace(t, namespace)})
}

// placeOf is where a test runs: in the namespace default where neither it nor what it is a part of is apart.
func placeOf(t testing.TB) place {
	for name := t.Name(); name != ""; name = name[:max(0, strings.LastIndexByte(name, '/'))] {
		if p, ok := places.Load(name); ok {
			return p.(place)
		}
	}
	return place{"default", os.Getenv("KUBECONFIG")}
}

func namespace(t testing.TB) string { return placeOf(t).namespace }

// inPlace has a command run where the test does, or by another kubeconfig.
func inPlace(t testing.TB, cmd *exec.Cmd, kubeconfig ...string) *exec.Cmd {
	cmd.Env = append(os.Environ(), "KUBECONFIG="+cmp.Or(strings.Join(kubeconfig, ""), placeOf(t).kubeconfig))
	return cmd
}

// inNamespace writes a kubeconfig whose context has that namespace, and returns its path.
func inNamespace(t *testing.T, namespace string) string {
	t.Helper()
	c, err := clientcmd.LoadFromFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	c.Contexts[c.CurrentContext].Namespace = namespace
	path := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*c, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// kubeconfig leads to a cluster, as that user, in the namespace of the test.
func kubeconfig(t *testing.T, cluster clientcmdapi.Cluster, user clientcmdapi.AuthInfo) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"c": &cluster}, AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": &user},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u", Namespace: namespace(t)}},
		CurrentContext: "x",
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
