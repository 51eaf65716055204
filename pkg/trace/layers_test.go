package trace_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers are those of this package, by how their files begin, each standing on those before it: what was observed, what
// follows from it, the fold that makes steps of that, and what is answered about them.
var layers = []string{"facts", "rules", "trace", "answers"}

// Facts know no rule, and rules no answer: no file names what a higher one declares.
func TestLayersPointOneWay(t *testing.T) {
	fset := token.NewFileSet()
	var files []*ast.File
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || name == "doc.go" {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Comments) == 0 || fset.Position(f.Comments[0].Pos()).Line != 3 && !ast.IsGenerated(f) {
			t.Errorf("%s does not open with what it is for", name)
		}
		if layerOf(name) < 0 {
			t.Errorf("%s is of no layer: its name begins with none of %v", name, layers)
		}
		if layerOf(name) == 0 && slices.ContainsFunc(f.Imports,
			func(i *ast.ImportSpec) bool { return strings.HasSuffix(i.Path.Value, `/graph"`) }) {
			t.Errorf("%s derives: it knows of claims", name)
		}
		files = append(files, f)
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", exports(t))}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	pkg, err := config.Check("github.com/kubectl-seq/kubectl-seq/pkg/trace", fset, files, info)
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for id, o := range info.Uses {
		if o.Pkg() != pkg {
			continue
		}
		looked++
		from, to := fset.Position(id.Pos()), fset.Position(o.Pos())
		if layerOf(to.Filename) > layerOf(from.Filename) {
			t.Errorf("%s names %s of %s", from, o.Name(), to.Filename)
		}
	}
	if looked < 1000 {
		t.Errorf("only %d references are looked at", looked)
	}
}

// layerOf is the layer of a file, or -1.
func layerOf(name string) int {
	for i, l := range layers {
		if strings.HasPrefix(name, l+"_") || name == l+".go" {
			return i
		}
	}
	return -1
}

// exports opens what the compiler has written about an imported package.
func exports(t *testing.T) importer.Lookup {
	out, err := exec.Command("go", "list", "-deps", "-export", "-f", "{{.ImportPath}} {{.Export}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("nothing is known of %s", path)
		}
		return os.Open(files[path])
	}
}
