// Package apiread asks an API server what a map of its APIs is derived from: all questions of package apimap, in
// parallel, in two rounds. It only reads, except for access reviews, which are POSTs that change nothing. A forbidden
// or failed request is an answer like any other.
package apiread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

const (
	atOnce   = 32              // requests
	patience = 5 * time.Second // with one request
)

// Read asks all that a map of the snapshot's subject needs, and adds the answers. With proxied, kubelets are asked,
// too,
// which needs the right to get nodes/proxy. It fails only where no answer came at all.
func Read(ctx context.Context, config *rest.Config, s *apimap.Snapshot, proxied bool) error {
	c, err := newClient(config)
	if err != nil {
		return err
	}
	if err := c.round(ctx, s, apimap.First(s.Subject)); err != nil {
		return err
	}
	if err := c.round(ctx, s, apimap.Then(s)); err != nil {
		return err
	}
	if proxied {
		return c.round(ctx, s, apimap.Proxied(s))
	}
	return nil
}

// ClientOf says what a configuration has of its user, without anything secret.
func ClientOf(c *rest.Config) apimap.Client {
	out := apimap.Client{Server: c.Host, Impersonates: c.Impersonate.UserName, Authentication: "none"}
	switch {
	case c.ExecProvider != nil:
		out.Authentication = "exec plugin " + c.ExecProvider.Command
	case c.AuthProvider != nil:
		out.Authentication = "auth provider " + c.AuthProvider.Name
	case c.BearerToken != "" || c.BearerTokenFile != "":
		out.Authentication = "token"
	case len(c.CertData) > 0 || c.CertFile != "":
		out.Authentication = "client certificate"
	case c.Username != "":
		out.Authentication = "user name and password"
	}
	if u, err := url.Parse(c.Host); err == nil { // it may have a password
		u.User = nil
		out.Server = u.String()
		if u.Scheme == "" {
			out.Server = "https://" + c.Host
		}
	}
	return out
}

type client struct{ *rest.RESTClient }

func newClient(config *rest.Config) (client, error) {
	config = rest.AddUserAgent(config, "map")
	config.GroupVersion = &schema.GroupVersion{}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	c, err := rest.UnversionedRESTClientFor(config)
	return client{c}, err
}

// round asks all questions at once, and adds the answers in the questions' order.
func (c client) round(ctx context.Context, s *apimap.Snapshot, all []apimap.Question) error {
	answers := make([]apimap.Answer, len(all))
	errs := make([]error, len(all))
	turn := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, q := range all {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			answers[i], errs[i] = c.ask(ctx, q)
		})
	}
	wg.Wait()
	s.Answers = append(s.Answers, answers...)
	for _, a := range answers {
		if a.Status != 0 {
			return ctx.Err()
		}
	}
	if len(all) == 0 {
		return ctx.Err()
	}
	return errs[0]
}

// ask asks one question; err is why no answer came.
func (c client) ask(ctx context.Context, q apimap.Question) (apimap.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := c.Verb(q.Method).RequestURI(q.Path).MaxRetries(0)
	if q.Body != nil {
		body, err := json.Marshal(q.Body)
		if err != nil {
			return q.Answer(0, nil, err), err
		}
		r = r.Body(body).SetHeader("Content-Type", "application/json")
	}
	switch {
	case q.Metadata:
		r = r.SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json")
	case q.Text:
		r = r.SetHeader("Accept", "text/plain, */*")
	default:
		r = r.SetHeader("Accept", "application/json")
	}
	status := 0
	result := r.Do(ctx).StatusCode(&status)
	body, err := result.Raw()
	var refused apierrors.APIStatus
	if errors.As(err, &refused) { // of an answer that is no Status, the result has no code
		status = int(refused.Status().Code)
	}
	if status == 0 && err == nil {
		err = fmt.Errorf("no answer to %s", q.Ask())
	}
	if status == 0 {
		return q.Answer(0, nil, err), err
	}
	return q.Answer(status, body, err), nil
}
