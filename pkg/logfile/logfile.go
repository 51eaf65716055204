// Package logfile follows a file that grows, line by line, through its rotation: a local one, or one on a node, read
// through the API server.
package logfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"
)

// Interval is how often a file is asked for what is new.
const Interval = 100 * time.Millisecond

// File is a file that can be read from an offset on.
type File interface {
	// Size is how long the file is now.
	Size(context.Context) (int64, error)
	// ReadFrom returns what the file has from the offset on, which may be nothing.
	ReadFrom(ctx context.Context, offset int64) ([]byte, error)
	// Rotated returns what the file that was here before had from the offset on, after ErrShorter.
	Rotated(ctx context.Context, offset int64) ([]byte, error)
}

// ErrShorter says that a file is shorter than the offset: it has been rotated.
var ErrShorter = errors.New("the file is shorter than it was")

// patience is how often in a row a read may fail that may succeed again, such as while the API server starts anew.
const patience = 30

// gone reports whether an error is the server's last word.
func gone(err error) bool {
	var refused *statusError
	return errors.As(err, &refused) && refused.code < 500 && refused.code != 429 || errors.Is(err, fs.ErrNotExist)
}

// betweenFiles is how often in a row a file may be missing: while it is rotated there is none of that name for a
// moment.
const betweenFiles = 5

func missing(err error) bool {
	var refused *statusError
	return errors.As(err, &refused) && refused.code == http.StatusNotFound || errors.Is(err, fs.ErrNotExist)
}

// maxLine bounds a line. A longer one is given up.
const maxLine = 16 << 20

// Follow hands over each line that is added to the file from the offset on, without its end, until the context ends or
// the file can't be read. Lost is called where lines may have been lost, with the reason.
func Follow(ctx context.Context, f File, offset int64, line func([]byte), lost func(string)) error {
	var rest []byte
	failures := 0
	take := func(data []byte) {
		rest = append(rest, data...)
		for {
			i := bytes.IndexByte(rest, '\n')
			if i < 0 {
				break
			}
			line(rest[:i])
			rest = rest[i+1:]
		}
		if len(rest) > maxLine {
			lost("a line is too long")
			rest = nil
		}
	}
	for {
		data, err := f.ReadFrom(ctx, offset)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrShorter):
			old, err := f.Rotated(ctx, offset)
			if err != nil {
				lost("the file was rotated and what it had is gone: " + err.Error())
			}
			take(old)
			rest, offset = nil, 0
			continue
		case err != nil && !gone(err) && failures < patience:
			failures++
			pause(ctx, 10*Interval)
			continue
		case err != nil && missing(err) && failures < betweenFiles:
			failures++
			pause(ctx, Interval)
			continue
		case err != nil:
			return err
		}
		failures = 0
		offset += int64(len(data))
		take(data)
		if len(data) > 0 {
			continue
		}
		pause(ctx, Interval)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Local is a file of this machine.
type Local struct {
	path string
	file *os.File
}

// Open opens a local file.
func Open(path string) (*Local, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Local{path, f}, nil
}

// Close closes it.
func (l *Local) Close() error { return l.file.Close() }

// Size implements File.
func (l *Local) Size(context.Context) (int64, error) {
	info, err := l.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// ReadFrom implements File.
func (l *Local) ReadFrom(ctx context.Context, offset int64) ([]byte, error) {
	data, err := readFrom(l.file, offset)
	if len(data) > 0 || err != nil {
		return data, err
	}
	if size, err := l.Size(ctx); err != nil || size < offset {
		return nil, errors.Join(err, ErrShorter)
	}
	now, err := os.Stat(l.path)
	if err != nil { // between the old file and the new
		return nil, nil
	}
	if was, err := l.file.Stat(); err == nil && !os.SameFile(was, now) {
		return nil, ErrShorter
	}
	return nil, nil
}

// Rotated implements File: the file that is still open has been read to its end.
func (l *Local) Rotated(_ context.Context, offset int64) ([]byte, error) {
	old, err := readFrom(l.file, offset)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(l.path)
	if err != nil {
		return old, err
	}
	l.file.Close()
	l.file = file
	return old, nil
}

const chunk = 1 << 20

func readFrom(f io.ReaderAt, offset int64) ([]byte, error) {
	data := make([]byte, chunk)
	n, err := f.ReadAt(data, offset)
	if err == io.EOF {
		err = nil
	}
	return data[:n], err
}
