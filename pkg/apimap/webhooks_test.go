package apimap_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

// A webhook is drawn if its rules have a request about the Pod, with the permission to that request. The command has it
// asked, where one does for sure; else it shows how it is registered.
func TestWebhooks(t *testing.T) {
	const rest = `, "apiGroups": [""]`
	const v1 = `, "apiVersions": ["v1"]`
	const show = "kubectl get validatingwebhookconfiguration hooks -o yaml"
	const run = "kubectl run seq-map-try --image=busybox --dry-run=server -o name -n shop"
	for name, x := range map[string]struct{ rule, more, permission, command string }{
		"creation":         {`"operations": ["CREATE"], "resources": ["pods"]` + rest + v1, "", "create pods -n shop", run},
		"all":              {`"operations": ["*"], "resources": ["*/*"], "apiGroups": ["*"], "apiVersions": ["*"]`, "", "create pods -n shop", run},
		"deletion":         {`"operations": ["DELETE"], "resources": ["pods"]` + rest + v1, "", "delete pods -n shop", show},
		"update":           {`"operations": ["UPDATE"], "resources": ["pods"]` + rest + v1, "", "patch pods -n shop", "kubectl annotate pod web -n shop seq-map-try=1 --dry-run=server -o name"},
		"exec":             {`"operations": ["CONNECT"], "resources": ["pods/exec"]` + rest + v1, "", "create pods/exec -n shop", "kubectl exec web -n shop -c app -- cat /etc/hostname"},
		"any exec":         {`"operations": ["UPDATE", "CONNECT"], "resources": ["*/exec"]` + rest + v1, "", "create pods/exec -n shop", "kubectl exec web -n shop -c app -- cat /etc/hostname"},
		"status":           {`"operations": ["UPDATE"], "resources": ["pods/status"]` + rest + v1, "", "patch pods/status -n shop", show},
		"another version":  {`"operations": ["CREATE"], "resources": ["pods"], "apiVersions": ["v2"]` + rest, `, "matchPolicy": "Exact"`, "", ""},
		"another group":    {`"operations": ["CREATE"], "resources": ["pods"], "apiGroups": ["apps"]` + v1, "", "", ""},
		"of the cluster":   {`"operations": ["*"], "resources": ["*"], "scope": "Cluster"` + rest + v1, "", "", ""},
		"no such request":  {`"operations": ["CREATE"], "resources": ["pods/status"]` + rest + v1, "", "", ""},
		"no subresources":  {`"operations": ["CONNECT"], "resources": ["*"]` + rest + v1, "", "", ""},
		"other objects":    {`"operations": ["CREATE"], "resources": ["pods"]` + rest + v1, `, "objectSelector": {"matchLabels": {"app": "other"}}`, "", ""},
		"objects like it":  {`"operations": ["CREATE"], "resources": ["pods"]` + rest + v1, `, "objectSelector": {"matchLabels": {"app": "web"}}`, "create pods -n shop", show},
		"no labels at all": {`"operations": ["CONNECT"], "resources": ["pods/exec"]` + rest + v1, `, "objectSelector": {"matchLabels": {"app": "web"}}`, "", ""},
		"conditions":       {`"operations": ["CREATE"], "resources": ["pods"]` + rest + v1, `, "matchConditions": [{"name": "x"}]`, "create pods -n shop", show},
		"side effects":     {`"operations": ["CONNECT"], "resources": ["pods/exec"]` + rest + v1, `, "sideEffects": "NoneOnDryRun"`, "create pods/exec -n shop", show},
	} {
		if !strings.Contains(x.more, "sideEffects") {
			x.more += `, "sideEffects": "None"`
		}
		s := snapshotOf(podOf(`, "labels": {"app": "web"}`, `, "containers": [{"name": "app"}]`, running("app")), map[string]string{
			"/api/v1/namespaces/shop": `{"metadata": {"name": "shop"}}`,
			"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?limit=500": itemsOf(`{"metadata": {"name": "hooks"},
				"webhooks": [{"name": "w.example", "clientConfig": {"url": "https://192.0.2.9/x"}, "rules": [{` + x.rule + `}]` +
				x.more + `}]}`)})
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
