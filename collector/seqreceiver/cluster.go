package seqreceiver

// How the cluster is reached, and whether it can be followed.

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// cluster is how to ask an API server.
type cluster struct {
	config *rest.Config
	http   *http.Client
	all    kubernetes.Interface
	core   corev1client.CoreV1Interface
}

// connect reads how to reach the cluster. Nothing is asked yet.
func connect(c *Config) (*cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules,
		&clientcmd.ConfigOverrides{CurrentContext: c.Context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("how to reach the cluster is not known: %w", err)
	}
	config.QPS = -1 // fairness is the API server's part
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	config.UserAgent = "otelcol-seq"
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	all, err := kubernetes.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	return &cluster{config, client, all, all.CoreV1()}, nil
}

// check asks whether what is configured is there, and whether we may do what is needed.
func (c *cluster) check(ctx context.Context, config *Config) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	namespaces := config.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	var rights []authorizationv1.ResourceAttributes
	for _, n := range namespaces {
		if n != "" {
			if _, err := c.core.Namespaces().Get(ctx, n, metav1.GetOptions{}); apierrors.IsNotFound(err) {
				return fmt.Errorf("namespaces: there is no namespace %q", n)
			}
		}
		for _, resource := range []string{pods, events} {
			for _, verb := range []string{"list", "watch"} {
				rights = append(rights, authorizationv1.ResourceAttributes{Namespace: n, Verb: verb, Resource: resource})
			}
		}
	}
	if n := stateNamespace(config); n != "" {
		if _, err := c.core.Namespaces().Get(ctx, n, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			return fmt.Errorf("state: namespace: there is no namespace %q", n)
		}
		for _, verb := range []string{"get", "create", "update"} {
			rights = append(rights, authorizationv1.ResourceAttributes{Namespace: n, Verb: verb, Resource: "configmaps",
				Name: named(verb, config)})
			if config.LeaderElection {
				rights = append(rights, authorizationv1.ResourceAttributes{Namespace: n, Verb: verb,
					Group: "coordination.k8s.io", Resource: "leases", Name: named(verb, config)})
			}
		}
	} else if config.LeaderElection {
		return fmt.Errorf("leader_election: state: namespace: must say in which namespace its Lease is")
	}
	return c.mayAll(ctx, rights)
}

// named is the name that a right is for: what is created has none that RBAC knows.
func named(verb string, config *Config) string {
	if verb == "create" {
		return ""
	}
	return config.State.Name
}

// mayAll names the rights that are missing.
func (c *cluster) mayAll(ctx context.Context, rights []authorizationv1.ResourceAttributes) error {
	var missing []string
	for _, a := range rights {
		question := &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &a}}
		answer, err := c.all.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, question, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("the API server %s cannot be asked: %w", c.config.Host, err)
		}
		if !answer.Status.Allowed {
			where := "in all namespaces"
			if a.Namespace != "" {
				where = "in namespace " + a.Namespace
			}
			missing = append(missing, a.Verb+" "+a.Resource+" "+where)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no right to %s", strings.Join(missing, ", "))
	}
	return nil
}

// stateNamespace is the namespace of the ConfigMap and of the Lease, or empty where nothing is noted.
func stateNamespace(c *Config) string {
	own, _ := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	return cmp.Or(c.State.Namespace, strings.TrimSpace(string(own)))
}

// notebook is where it is noted how far the receiver has come.
func (c *cluster) notebook(config *Config) *notebook {
	n := stateNamespace(config)
	if n == "" {
		return &notebook{}
	}
	return &notebook{client: c.core.ConfigMaps(n), name: config.State.Name}
}
