package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"
	"sigs.k8s.io/yaml"
)

func newCreateDeployment(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	replicas := int32(1)
	cmd := newWorkload(config, streams, "deployment", func(meta metav1.ObjectMeta, spec corev1.PodSpec) runtime.Object {
		labels := map[string]string{"app": meta.Name}
		meta.Labels = labels
		return &appsv1.Deployment{
			TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: meta,
			Spec: appsv1.DeploymentSpec{
				Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
			},
		}
	})
	cmd.Flags().Int32VarP(&replicas, "replicas", "r", 1, "number of Pods")
	cmd.Example = `  # From the Deployment to its ReplicaSet, its Pods and their containers
  kubectl seq create-deployment web --image=nginx --replicas=3

  # The Pod that took longest, and why
  kubectl seq create-deployment web --image=nginx --replicas=3 --pods=slowest --rm`
	return cmd
}

func newCreateJob(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	cmd := newWorkload(config, streams, "job", func(meta metav1.ObjectMeta, spec corev1.PodSpec) runtime.Object {
		spec.RestartPolicy = corev1.RestartPolicyNever
		spec.Containers[0].Command, spec.Containers[0].Args = spec.Containers[0].Args, nil // as kubectl create job has it
		return &batchv1.Job{
			TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: meta,
			Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: spec}},
		}
	})
	cmd.Example = "  # From the Job to its Pod, and to its end\n  kubectl seq create-job once --image=busybox -- echo " +
		"hello"
	return cmd
}

// newWorkload is the verb that creates one workload as kubectl create does.
func newWorkload(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams, kind string,
	build func(metav1.ObjectMeta, corev1.PodSpec) runtime.Object) *cobra.Command {
	f := createFlags{}
	p := podFlags{restart: "Always"}
	cmd := &cobra.Command{
		Use:   "create-" + kind + " NAME --image=IMAGE [-- ARGS...]",
		Short: "Create a " + kind + " and show the sequence that follows",
		Long: "Create a " + kind +
			" and follow it live: controllers, Pods, containers. Each step has its evidence.\n\n" +
			exitHelp(),
		RunE: func(cmd *cobra.Command, args []string) error {
			names, rest := args, []string(nil)
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				names, rest = args[:dash], args[dash:]
			}
			if len(names) != 1 {
				return hinted(errors.New("one NAME expected"), fmt.Sprintf("kubectl seq create-%s NAME --image=IMAGE", kind))
			}
			pod, err := p.fromFlags(names[0], rest)
			if err != nil {
				return err
			}
			named := func(name string) map[string]any {
				object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(
					build(metav1.ObjectMeta{Name: name}, *pod.Spec.DeepCopy()))
				if err != nil {
					panic(err) // a type of the API
				}
				return object
			}
			text, err := yaml.Marshal(named(names[0]))
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), config, streams, func(b *resource.Builder) *resource.Builder {
				return b.Stream(io.NopCloser(bytes.NewReader(text)), "flags")
			}, named)
		},
	}
	cmd.Flags().StringVar(&p.image, "image", "", "image of the one container")
	cmd.Flags().Int32Var(&p.port, "port", 0, "port the container exposes")
	cmd.Flags().StringArrayVar(&p.env, "env", nil, "environment variable as KEY=VALUE; may be repeated")
	f.add(cmd)
	return cmd
}
