// Command pictures draws what the README and docs/pictures.md show of the recording that `kubectl seq demo` plays:
// docs/sequence.svg, and docs/page.png with Chromium. What is text in them, make docs writes.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	if err := draw(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func draw() error {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	page := filepath.Join(dir, "page.html")
	if err := demo("--detail=brief", "--animate", "-o", "svg=docs/sequence.svg"); err != nil {
		return err
	}
	if err := demo("-o", "html="+page); err != nil {
		return err
	}
	return exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--hide-scrollbars", "--user-data-dir="+filepath.Join(dir, "profile"), "--window-size=1300,1330",
		"--screenshot=docs/page.png", "file://"+page).Run()
}

func demo(args ...string) error {
	cmd := exec.Command("go", append([]string{"run", "./cmd/kubectl-seq", "demo", "--speed=max"}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
