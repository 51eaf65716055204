package main

import (
	"strings"
	"testing"
)

func TestOneObject(t *testing.T) {
	for _, good := range []string{"deployment/web", "deploy/web", "deployments.apps/web", "deployments.v1.apps/web",
		"po web", "pods web"} {
		if err := oneObject(nil, strings.Fields(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for args, want := range map[string]string{
		"":                 "one TYPE/NAME expected",
		"web":              "resource(s) were provided, but no name was specified",
		"/web":             "must have a single resource and name",
		"pod/":             "must have a single resource and name",
		"pod,svc/web":      "must have a single resource and name",
		"a/b/c":            "may not have more than one slash",
		"pods,svc web":     "you may only specify a single resource type",
		"pods pods/web":    "there is no need to specify a resource type as a separate argument",
		"pods a b":         "one object expected, 2 given: pods a b",
		"pod/a pod/b":      "one object expected, 2 given: pod/a pod/b",
		"pod/a deploy/b c": "one object expected, 3 given",
	} {
		err := oneObject(nil, strings.Fields(args))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "(hint: "+howToName+")") {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}
