package apimap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// A webhook is drawn if its rules have a request about the Pod, with the permission to that request. The command has it
// asked, where one does for sure; else it shows how it is registered.
func TestWebhooks(t *testing.T) {
	const show = "kubectl get validatingwebhookconfiguration hooks -o yaml"
	const run = "kubectl run seq-map-try --image=busybox --dry-run=server -o name -n shop"
	const annotate = "kubectl annotate pod web -n shop seq-map-try=1 --dry-run=server -o name"
	const exec = "kubectl exec web -n shop -c app -- cat /etc/hostname"
	const create, createExec = "create pods -n shop", "create pods/exec -n shop"
	rule := func(operation, resource, group, version, more string) string {
		return fmt.Sprintf(`"operations": ["%s"], "resources": ["%s"], "apiGroups": ["%s"], "apiVersions": ["%s"]%s`,
			operation, resource, group, version, more)
	}
	core := func(operation, resource string) string { return rule(operation, resource, "", "v1", "") }
	labels := func(app string) string { return `, "objectSelector": {"matchLabels": {"app": "` + app + `"}}` }
	for name, x := range map[string]struct{ rule, more, permission, command string }{
		"creation":         {core("CREATE", "pods"), "", create, run},
		"all":              {rule("*", "*/*", "*", "*", ""), "", create, run},
		"deletion":         {core("DELETE", "pods"), "", "delete pods -n shop", show},
		"update":           {core("UPDATE", "pods"), "", "patch pods -n shop", annotate},
		"exec":             {core("CONNECT", "pods/exec"), "", createExec, exec},
		"any exec":         {core(`UPDATE", "CONNECT`, "*/exec"), "", createExec, exec},
		"status":           {core("UPDATE", "pods/status"), "", "patch pods/status -n shop", show},
		"another version":  {rule("CREATE", "pods", "", "v2", ""), `, "matchPolicy": "Exact"`, "", ""},
		"another group":    {rule("CREATE", "pods", "apps", "v1", ""), "", "", ""},
		"of the cluster":   {rule("*", "*", "", "v1", `, "scope": "Cluster"`), "", "", ""},
		"no such request":  {core("CREATE", "pods/status"), "", "", ""},
		"no subresources":  {core("CONNECT", "*"), "", "", ""},
		"other objects":    {core("CREATE", "pods"), labels("other"), "", ""},
		"objects like it":  {core("CREATE", "pods"), labels("web"), create, show},
		"no labels at all": {core("CONNECT", "pods/exec"), labels("web"), "", ""},
		"conditions":       {core("CREATE", "pods"), `, "matchConditions": [{"name": "x"}]`, create, show},
		"side effects":     {core("CONNECT", "pods/exec"), `, "sideEffects": "NoneOnDryRun"`, createExec, show},
	} {
		if !strings.Contains(x.more, "sideEffects") {
			x.more += `, "sideEffects": "None"`
		}
		pod := podOf(`, "labels": {"app": "web"}`, `, "containers": [{"name": "app"}]`, running("app"))
		s := snapshotOf(pod, map[string]string{
			"/api/v1/namespaces/shop": `{"metadata": {"name": "shop"}}`,
			"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?limit=500": itemsOf(
				`{"metadata": {"name": "hooks"}, "webhooks": [{"name": "w.example",
				"clientConfig": {"url": "https://192.0.2.9/x"}, "rules": [{` + x.rule + `}]` + x.more + `}]}`)})
		all := found(apimap.Derive(s), "apiserver", "webhook w.example", "")
		switch {
		case (len(all) == 1) != (x.command != ""):
			t.Errorf("%s: it is drawn %d times", name, len(all))
		case len(all) == 1 && (all[0].You.Permission != x.permission || all[0].Try.Command != x.command):
			t.Errorf("%s: %+v, %s", name, all[0].You, all[0].Try.Command)
		case len(all) == 1 && !slices.ContainsFunc(apimap.Then(s), func(q apimap.Question) bool {
			return q.Permission != nil && q.Permission.String() == x.permission
		}):
			t.Errorf("%s: nobody asks for %s", name, x.permission)
		}
	}
}
