package main

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// The comment of a declaration begins with its name, unless it begins with a sentence: names change.
func TestCommentsNameTheirSubject(t *testing.T) {
	for _, f := range goFiles(t, "cmd/*", "pkg/*", "pkg/*/internal/*", "test/*") {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, f, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		check := func(doc *ast.CommentGroup, names ...*ast.Ident) {
			first, _, _ := strings.Cut(doc.Text(), " ")
			first = strings.TrimRight(strings.TrimSpace(first), ",:;")
			if first == "" || unicode.IsUpper([]rune(first)[0]) && !token.IsExported(names[0].Name) {
				return
			}
			named := func(n *ast.Ident) bool { return n.Name == strings.TrimSuffix(first, "'s") }
			if !slices.ContainsFunc(names, named) && !sentence[first] {
				t.Errorf("%s: the comment of %s begins with %q", set.Position(doc.Pos()), names[0].Name, first)
			}
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				check(d.Doc, d.Name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch x := spec.(type) {
					case *ast.TypeSpec:
						check(cmp.Or(x.Doc, d.Doc), x.Name)
					case *ast.ValueSpec:
						if len(d.Specs) == 1 {
							check(cmp.Or(x.Doc, d.Doc), x.Names...)
						}
					}
				}
			}
		}
	}
}

// sentence are words by which the comment of an exported declaration may begin.
var sentence = map[string]bool{"A": true, "An": true, "The": true}

// A line of Go is at most 120 characters long, but for texts that are as they are.
func TestLinesAreShort(t *testing.T) {
	const most = 120
	for _, f := range goFiles(t, "cmd/*", "pkg/*", "pkg/*/internal/*", "test/*", "hack/*") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		raw := false
		for i, line := range strings.Split(string(text), "\n") {
			quotes := strings.Count(line, "`")
			if n := utf8.RuneCountInString(line); n > most && !raw && quotes == 0 {
				t.Errorf("%s:%d has %d characters", f, i+1, n)
			}
			raw = raw != (quotes%2 == 1)
		}
	}
}

// goFiles are those in directories below the top.
func goFiles(t *testing.T, directories ...string) (all []string) {
	t.Helper()
	for _, pattern := range directories {
		files, err := filepath.Glob("../../" + pattern + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(files))
		}
		all = append(all, files...)
	}
	return all
}
