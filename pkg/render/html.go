package render

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"strings"
)

// The page, and what goes into it.
var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/*.js
	pageScripts embed.FS
	pageJS      = joined("report", "text", "order", "time", "bar", "player", "page")
)

// joined is one script of several.
func joined(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		data, err := pageScripts.ReadFile("page/" + name + ".js")
		if err != nil {
			panic(err) // it is part of the program
		}
		b.Write(data)
	}
	return b.String()
}

// HTML writes the report as one page that needs nothing else: no network, no other file. Its security policy admits
// only its own script and style, by their hashes; whatever a server said is data, and becomes text.
func HTML(w io.Writer, r Report, y Style) error {
	data, err := json.Marshal(newPage(r, y))
	if err != nil {
		return err
	}
	var listing bytes.Buffer // for readers without scripts
	y.ASCII, y.Color, y.Width, y.Explain = false, false, FileWidth, false
	if err := NewLive("listing", y, &listing, nil).Finish(r); err != nil {
		return err
	}
	_, err = w.Write(fillPage(pageHTML, r.Run.Subject.String(), data, listing.String(), offlinePolicy, pageCSS, pageJS))
	return err
}

// offlinePolicy admits nothing but what stands in the page.
var offlinePolicy = "default-src 'none'; style-src " + digest(pageCSS) + "; script-src " + digest(pageJS) +
	"; base-uri 'none'; form-action 'none'"

// fillPage is a page with its data, as JSON, and what readers without scripts see.
func fillPage(template, title string, data []byte, listing, policy, style, script string) []byte {
	// Not html/template: its reflection would have the linker keep every exported method, 24 MB more.
	return []byte(strings.NewReplacer(
		"{{title}}", html.EscapeString(Plain(title)),
		"{{policy}}", policy,
		"{{style}}", style,
		"{{script}}", script,
		"{{data}}", string(data), // json.Marshal escapes what could end the element
		"{{listing}}", html.EscapeString(listing),
	).Replace(template))
}

// digest is how a security policy names a script or style.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
