package render

import (
	"io"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
)

func mapMermaid(w io.Writer, m apimap.Map, y Style) error { return nil }
func mapSVG(w io.Writer, m apimap.Map, y Style) error     { return nil }
func mapHTML(w io.Writer, m apimap.Map, y Style) error    { return nil }
