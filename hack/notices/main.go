// Command notices holds the licence of everything that is linked into the plugin, on each system it is released for,
// against those allowed here. `notices FILE` also writes what these licences ask to go with a binary: their texts, and
// the notices. It is run in the root of the repository, needs no network but for modules that are not on this machine
// yet, and writes the same for the same go.sum and version of Go.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-licenses/licenses"
	"k8s.io/klog/v2"
)

// allowed are those that ask for no more than their text and the notices. MPL-2.0 is for hashicorp/go-version, which
// OpenTelemetry's pdata needs; of what is unchanged it asks besides where the source is.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

const confidence = 0.9 // go-licenses' own

func main() {
	log.SetFlags(0)
	klog.LogToStderr(false) // go-licenses warns of each assembly file, that it may import something; none can
	klog.SetOutput(io.Discard)
	if list := os.Getenv("ALLOWED"); list != "" { // to see it fail
		allowed = strings.Split(list, ",")
	}
	goroot := goEnv("GOROOT")
	os.Setenv("GOROOT", goroot) // by which go-licenses tells the standard library
	found := collect()
	found.add(filepath.Join(goroot, "LICENSE"), "the standard library and the runtime of "+goEnv("GOVERSION"))
	if len(os.Args) > 1 {
		if err := os.WriteFile(os.Args[1], found.notices(), 0o644); err != nil {
			log.Fatal("error: ", err)
		}
	}
}

func goEnv(name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		log.Fatalf("error: go env %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// texts are the distinct texts of licences and notices, and what each is for.
type texts map[string][]string

func (t texts) add(file, of string) {
	text, err := os.ReadFile(file)
	if err != nil {
		log.Fatal("error: ", err)
	}
	if !slices.Contains(t[string(text)], of) {
		t[string(text)] = append(t[string(text)], of)
	}
}

// once classifies a text once, which takes much longer than all else.
type once struct {
	licenses.Classifier
	known map[string]answer
}

type answer struct {
	name string
	kind licenses.Type
	err  error
}

func (o once) Identify(path string) (string, licenses.Type, error) {
	a, ok := o.known[path]
	if !ok {
		a.name, a.kind, a.err = o.Classifier.Identify(path)
		o.known[path] = a
	}
	return a.name, a.kind, a.err
}

// collect finds the licences on all systems, and ends the program where one is not allowed or there is none.
func collect() texts {
	classifier, err := licenses.NewClassifier(confidence)
	if err != nil {
		log.Fatal("error: ", err)
	}
	classifier = once{classifier, map[string]answer{}}
	found, refused := texts{}, map[string]bool{}
	for _, system := range []string{"linux", "windows", "darwin"} {
		os.Setenv("GOOS", system)
		libraries, err := licenses.Libraries(context.Background(), classifier, false,
			[]string{"github.com/kubectl-seq/kubectl-seq"}, "./cmd/kubectl-seq")
		if err != nil {
			log.Fatalf("error: %s: %v", system, err)
		}
		for _, l := range libraries {
			of := strings.TrimSpace(l.Name() + " " + l.Version())
			if l.LicensePath == "" {
				refused[of+": no licence found"] = true
				continue
			}
			name, _, err := classifier.Identify(l.LicensePath)
			if err != nil {
				log.Fatalf("error: %s: %v", of, err)
			}
			if !slices.Contains(allowed, name) {
				refused[of+": "+name] = true
			}
			found.add(l.LicensePath, of)
			notices, _ := filepath.Glob(filepath.Join(filepath.Dir(l.LicensePath), "NOTICE*"))
			for _, notice := range notices {
				found.add(notice, of)
			}
		}
	}
	os.Unsetenv("GOOS")
	for _, of := range slices.Sorted(maps.Keys(refused)) {
		log.Print("error: licence not allowed: ", of)
	}
	if len(refused) > 0 {
		os.Exit(1)
	}
	return found
}

func (t texts) notices() []byte {
	var out bytes.Buffer
	fmt.Fprintln(&out,
		"kubectl-seq contains the following, unchanged; `go mod download` gets the source of each Go module.")
	var sections []string
	for text, of := range t {
		slices.Sort(of)
		sections = append(sections,
			fmt.Sprintf("\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(of, "\n"), strings.TrimSpace(text)))
	}
	slices.Sort(sections)
	for _, s := range sections {
		out.WriteString(s)
	}
	return out.Bytes()
}
