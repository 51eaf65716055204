package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	utilrand "k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
)

// podFlags describe a Pod the way `kubectl run` takes it.
type podFlags struct {
	image      string
	pullPolicy string
	env        []string
	port       int32
	labels     string
	restart    string
	command    bool
	filename   string
}

// fromFlags builds the Pod that `kubectl run NAME --image=… [-- ARGS…]` would.
func (p podFlags) fromFlags(name string, args []string) (*corev1.Pod, error) {
	if p.image == "" {
		return nil, hinted(fmt.Errorf("no image for Pod %q", name), "give --image=IMAGE, or a file with -f")
	}
	if _, err := reference.ParseAnyReference(p.image); err != nil {
		return nil, hinted(fmt.Errorf("image %q is no image reference: %w", p.image, err),
			"write it as [REGISTRY/]NAME[:TAG], in lower case")
	}
	if msgs := validation.IsDNS1123Subdomain(name); len(msgs) > 0 {
		return nil, fmt.Errorf("name %q: %s", name, msgs[0])
	}
	set := labels.Set{"run": name}
	if p.labels != "" {
		var err error
		if set, err = labels.ConvertSelectorToLabelsMap(p.labels); err != nil {
			return nil, hinted(fmt.Errorf("labels %q: %w", p.labels, err), "write them as KEY=VALUE,KEY=VALUE")
		}
	}
	c := corev1.Container{Name: name, Image: p.image, ImagePullPolicy: corev1.PullPolicy(p.pullPolicy)}
	if len(validation.IsDNS1123Label(name)) > 0 {
		c.Name = "app" // a Pod's name may have dots, a container's may not
	}
	for _, e := range p.env {
		key, value, ok := strings.Cut(e, "=")
		if !ok || key == "" {
			return nil, hinted(fmt.Errorf("env %q has no name and value", e), "write it as KEY=VALUE")
		}
		c.Env = append(c.Env, corev1.EnvVar{Name: key, Value: value})
	}
	if p.port != 0 {
		c.Ports = []corev1.ContainerPort{{ContainerPort: p.port}}
	}
	if p.command {
		c.Command = args
	} else {
		c.Args = args
	}
	restart := corev1.RestartPolicy(p.restart)
	switch restart {
	case corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever:
	default:
		return nil, fmt.Errorf("--restart=%s: must be Always, OnFailure or Never", p.restart)
	}
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: set},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{c}, RestartPolicy: restart},
	}, nil
}

// fromFile reads exactly one Pod from a file, a URL or standard input. A field the API does not have is an error, as
// with kubectl.
func (p podFlags) fromFile(flags *genericclioptions.ConfigFlags, in io.Reader, namespace string,
	enforce bool) (*corev1.Pod, error) {
	infos, err := readFile(resource.NewBuilder(flags).Unstructured().Local(), in, p.filename).Flatten().Do().Infos()
	if err != nil {
		return nil, err
	}
	const want = "create-pod takes a file with exactly one Pod"
	if len(infos) != 1 {
		return nil, hinted(fmt.Errorf("%s has %d objects", p.filename, len(infos)), want)
	}
	object, ok := infos[0].Object.(*unstructured.Unstructured)
	if !ok || object.GetKind() != "Pod" || object.GetAPIVersion() != "v1" {
		return nil, hinted(fmt.Errorf("%s has a %s", p.filename, infos[0].Object.GetObjectKind().GroupVersionKind().Kind),
			want)
	}
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &pod, true); err != nil {
		return nil, fmt.Errorf("%s: %w", p.filename, err)
	}
	if enforce && pod.Namespace != "" && pod.Namespace != namespace {
		return nil, hinted(fmt.Errorf("%s is for namespace %q, but -n says %q", p.filename, pod.Namespace, namespace),
			"leave one of them out")
	}
	if pod.Name == "" && pod.GenerateName != "" {
		pod.Name = pod.GenerateName + utilrand.String(5) // as the server would; but the watch has to know it before
	}
	if pod.Name == "" {
		return nil, hinted(fmt.Errorf("the Pod in %s has no name", p.filename), "set metadata.name")
	}
	return &pod, nil
}
