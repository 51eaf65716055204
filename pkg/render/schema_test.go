package render_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"golang.org/x/tools/txtar"

	"github.com/kubectl-seq/kubectl-seq/pkg/apimap"
	"github.com/kubectl-seq/kubectl-seq/pkg/percentile"
	"github.com/kubectl-seq/kubectl-seq/pkg/render"
	"github.com/kubectl-seq/kubectl-seq/pkg/seq"
	"github.com/kubectl-seq/kubectl-seq/test/scenario"
)

var update = flag.Bool("update", false, "write the schemas in docs anew")

// words are the values of fields that have only these.
var words = map[reflect.Type][]any{
	reflect.TypeFor[seq.StepKind]():       {seq.RequestKind, seq.ResponseKind, seq.DeliveryKind, seq.NoteKind},
	reflect.TypeFor[seq.Certainty]():      {seq.Observed, seq.Inferred},
	reflect.TypeFor[percentile.Verdict](): {percentile.Kept, percentile.Broken, percentile.Undecided},
	reflect.TypeFor[apimap.Kind](): {apimap.ClientKind, apimap.APIServerKind, apimap.ControlKind, apimap.ExtensionKind,
		apimap.NodeKind, apimap.RuntimeKind, apimap.ContainerKind, apimap.RouteKind, apimap.ObserverKind},
	reflect.TypeFor[seq.Instant](): {seq.AtStart, seq.AtCommit, seq.AtEnd, seq.AtDuring},
}

// The schemas in docs are those of the types, and every document is as its schema says.
func TestSchemas(t *testing.T) {
	validate := map[string]*jsonschema.Resolved{}
	for output, types := range render.Documents {
		s := schemaOf(t, output, types)
		b, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, '\n')
		name := filepath.Join("../../docs/schema", output+".schema.json")
		if *update {
			err = os.WriteFile(name, b, 0o644)
		}
		kept, readErr := os.ReadFile(name)
		if err != nil || readErr != nil || !bytes.Equal(kept, b) {
			t.Errorf("%s is not that of the types: go test ./pkg/render -run TestSchemas -update (%v, %v)", name, err, readErr)
		}
		var published jsonschema.Schema
		if err := json.Unmarshal(b, &published); err != nil {
			t.Fatal(err)
		}
		if validate[output], err = published.Resolve(nil); err != nil {
			t.Fatal(err)
		}
	}
	check := func(name, output string, write func(*bytes.Buffer) error) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b.Bytes()) {
			var is any
			if err := json.Unmarshal(line, &is); err != nil {
				t.Fatal(err)
			}
			if err := validate[output].Validate(is); err != nil {
				t.Fatalf("%s: %s: %v", name, line, err)
			}
		}
	}
	var last render.Report
	for i, s := range scenario.All(t) {
		r := scenario.Report(scenario.Fold(s.Subject, s.Observations))
		check(s.Name, "run", func(b *bytes.Buffer) error { return render.JSON(b, r) })
		if c := render.Compare(last, r, [2]string{"last", s.Name}); i > 0 {
			check(s.Name, "comparison", func(b *bytes.Buffer) error {
				return render.CompareFormats["json"](b, c, render.Style{Detail: seq.Normal})
			})
		}
		last = r
	}
	check("series", "series", func(b *bytes.Buffer) error {
		s := seriesOf(t, "p90<1h", "plain", "init", "!plain")
		return render.SeriesFormats["json"](b, s, render.Style{})
	})
	check("two series", "series-comparison", func(b *bytes.Buffer) error {
		return render.KeptFormats["json"](b, comparedSeries(t), render.Style{})
	})
	files, err := filepath.Glob("../apimap/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no map")
	}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := apimap.Read(bytes.NewReader(a.Files[0].Data))
		if err != nil {
			t.Fatal(err)
		}
		check(f, "map", func(b *bytes.Buffer) error {
			return render.MapFormats["json"](b, apimap.Derive(s), render.Style{})
		})
	}
	for output, bad := range map[string]string{"map": `{"type":"api","from":1}`, "series": `{"type":"verdict","runs":1}`, "run": `{"type":"step","index":"first"}`, "comparison": `{"type":"run"}`} {
		var is any
		if err := json.Unmarshal([]byte(bad), &is); err != nil {
			t.Fatal(err)
		}
		if validate[output].Validate(is) == nil {
			t.Errorf("the schema of a %s takes %s", output, bad)
		}
	}
}

// schemaOf is the schema of the documents of an output.
func schemaOf(t *testing.T, output string, types map[string]any) *jsonschema.Schema {
	g := generator{docsOfFields(t, ".", "../seq", "../apimap"), map[reflect.Type]string{}, map[string]*jsonschema.Schema{}}
	s := &jsonschema.Schema{Schema: "https://json-schema.org/draft/2020-12/schema", Title: "kubectl seq: " + output,
		Description: "One document a line. Fields may be added, and none is taken away or changes its meaning within " +
			"seq/v1alpha1: take no notice of those that you do not know.", Defs: g.defs}
	for _, name := range []string{"run", "pod", "comparison", "phase", "step", "cycle", "outcome", "series",
		"measured", "percentiles", "verdict", "series-comparison", "difference", "map", "component", "api", "container",
		"hidden", "left"} {
		if x, ok := types[name]; ok {
			typ := reflect.TypeOf(x)
			s.OneOf = append(s.OneOf, g.refer(t, typ))
			var is any = name
			g.defs[g.names[typ]].Properties["type"] = &jsonschema.Schema{Const: &is}
		}
	}
	return s
}

// generator makes a definition of each struct.
type generator struct {
	docs  map[string]string // of types and fields, by TYPE and TYPE.FIELD
	names map[reflect.Type]string
	defs  map[string]*jsonschema.Schema
}

// refer is a reference to the definition of a struct.
func (g *generator) refer(t *testing.T, typ reflect.Type) *jsonschema.Schema {
	name, known := g.names[typ]
	if !known {
		name = strings.ToLower(strings.TrimPrefix(typ.Name(), "json"))
		g.names[typ] = name
		s, err := jsonschema.ForType(typ, &jsonschema.ForOptions{TypeSchemas: g.parts(t, typ)})
		if err != nil {
			t.Fatal(err)
		}
		relax(s)
		s.Description = g.docs[typ.Name()]
		describe := func(typ reflect.Type) {
			for f := range typ.Fields() {
				field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if p := s.Properties[field]; p != nil {
					if p.Description = g.docs[typ.Name()+"."+f.Name]; p.Description == "" && field != "type" {
						t.Errorf("%s.%s has no comment, which describes it in the schema", typ.Name(), f.Name)
					}
				}
			}
		}
		describe(typ)
		for f := range typ.Fields() {
			if f.Anonymous { // its fields are among these
				describe(f.Type)
				s.Description = cmp.Or(s.Description, g.docs[f.Type.Name()])
			}
		}
		g.defs[name] = s
	}
	return &jsonschema.Schema{Ref: "#/$defs/" + name}
}

// relax allows fields that are not known yet, and null only where a field may have it: not where it is left out.
func relax(s *jsonschema.Schema) {
	s.AdditionalProperties = nil
	if s.Items != nil {
		relax(s.Items)
	}
	for name, p := range s.Properties {
		relax(p)
		required := slices.Contains(s.Required, name)
		switch nullable := slices.Contains(p.Types, "null"); {
		case nullable && !required:
			p.Type, p.Types = strings.Join(p.Types[1:], ""), nil
		case nullable && p.Ref != "":
			p.Types, p.OneOf, p.Ref = nil, []*jsonschema.Schema{{Type: "null"}, {Ref: p.Ref}}, ""
		}
	}
}

// parts are the schemas of the types that a struct consists of and that have one of their own.
func (g *generator) parts(t *testing.T, typ reflect.Type) map[reflect.Type]*jsonschema.Schema {
	all := map[reflect.Type]*jsonschema.Schema{}
	var visit func(reflect.Type)
	visit = func(x reflect.Type) {
		switch {
		case x == reflect.TypeFor[time.Time]():
			all[x] = &jsonschema.Schema{Type: "string", Format: "date-time"}
		case words[x] != nil:
			all[x] = &jsonschema.Schema{Type: "string", Enum: words[x]}
		case x.Kind() == reflect.Pointer || x.Kind() == reflect.Slice || x.Kind() == reflect.Array:
			visit(x.Elem())
		case x.Kind() == reflect.Struct && strings.Contains(x.Name(), "["): // generic: a part of it
			for f := range x.Fields() {
				visit(f.Type)
			}
		case x.Kind() == reflect.Struct && strings.Contains(x.PkgPath(), "kubectl-seq"):
			all[x] = g.refer(t, x)
		}
	}
	for f := range typ.Fields() {
		if f.Anonymous { // its fields are among these
			for inner := range f.Type.Fields() {
				visit(inner.Type)
			}
			continue
		}
		visit(f.Type)
	}
	return all
}

// docsOfFields are the comments of the structs of packages, and of their fields.
func docsOfFields(t *testing.T, dirs ...string) map[string]string {
	all := map[string]string{}
	text := func(groups ...*ast.CommentGroup) string {
		for _, g := range groups {
			if g != nil {
				return strings.Join(strings.Fields(g.Text()), " ")
			}
		}
		return ""
	}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				d, ok := n.(*ast.GenDecl)
				if !ok || d.Tok != token.TYPE {
					return true
				}
				for _, s := range d.Specs {
					s := s.(*ast.TypeSpec)
					x, ok := s.Type.(*ast.StructType)
					if !ok {
						continue
					}
					all[s.Name.Name] = text(s.Doc, d.Doc)
					for _, f := range x.Fields.List {
						for _, id := range f.Names {
							all[s.Name.Name+"."+id.Name] = text(f.Doc, f.Comment)
						}
					}
				}
				return true
			})
		}
	}
	return all
}
