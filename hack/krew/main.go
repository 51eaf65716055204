// Command krew fills in .krew.yaml as krew-release-bot does, but offline: from the checksums of a release that lies
// here.
//
//	go -C hack/krew run . DIST [BASE]
//
// writes DIST/seq.yaml from DIST/checksums.txt and DIST/metadata.json. BASE is where the archives are to be had, if not
// from the releases on GitHub.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"
)

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: krew DIST [BASE]")
		os.Exit(2)
	}
	base := ""
	if len(os.Args) == 3 {
		base = os.Args[2]
	}
	if err := write(os.Args[1], base); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(dist, base string) error {
	var metadata struct{ Version string }
	data, err := os.ReadFile(filepath.Join(dist, "metadata.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &metadata); err != nil {
		return err
	}
	sums, err := checksums(filepath.Join(dist, "checksums.txt"))
	if err != nil {
		return err
	}
	text, err := os.ReadFile("../../.krew.yaml")
	if err != nil {
		return err
	}
	manifest, err := render(string(text), "v"+metadata.Version, base, sums)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dist, "seq.yaml"), manifest, 0o644)
}

// checksums are SHA-256 in hex, by the names of files.
func checksums(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sums := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: %q is no checksum", file, lines.Text())
		}
		sums[name] = sum
	}
	return sums, lines.Err()
}

type release struct{ TagName string }

// render fills in a template of krew-release-bot. An archive without a checksum is an error.
func render(text, tag, base string, sums map[string]string) ([]byte, error) {
	addURIAndSha := func(uri, tag string) (string, error) {
		t, err := template.New("uri").Parse(uri)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		if err := t.Execute(&b, release{tag}); err != nil {
			return "", err
		}
		uri, name := b.String(), path.Base(b.String())
		if base != "" {
			uri = base + "/" + name
		}
		if sums[name] == "" {
			return "", fmt.Errorf("no checksum of %s", name)
		}
		return fmt.Sprintf("uri: %s\n    sha256: %s", uri, sums[name]), nil
	}
	t, err := template.New(".krew.yaml").Funcs(template.FuncMap{"addURIAndSha": addURIAndSha}).Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, release{tag})
	return b.Bytes(), err
}
