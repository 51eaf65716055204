package trace

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

func changedObject(was, cur metav1.Object) string { return "" }
