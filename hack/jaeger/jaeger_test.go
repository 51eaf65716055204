// Package jaeger holds the spans of a run against what Jaeger does to spans before it shows them.
package jaeger

import (
	"testing"
	"time"

	"github.com/jaegertracing/jaeger/cmd/query/app/querysvc/v2/adjuster"

	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

func TestAdjusters(t *testing.T) {
	_ = scenario.All(t)
	_ = adjuster.StandardAdjusters(time.Second)
}
