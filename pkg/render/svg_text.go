package render

// How wide text is in a picture, and where it is broken there.

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// helvetica has the widths of the characters from space to ~, in thousandths of the font's size. A picture sets the
// length of each line, so that another font takes the same room.
var helvetica = [...]int{
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, // space to /
	556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // 0 to ?
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // @ to O
	667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // P to _
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // ` to o
	556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // p to ~
}

// textWidth is how wide text is at a size of the font.
func textWidth(s string, size float64) float64 {
	sum := 0
	for _, r := range s {
		switch {
		case r >= ' ' && r <= '~':
			sum += helvetica[r-' ']
		case r == '\u00a0':
			sum += helvetica[0]
		default:
			sum += 550 * runewidth.RuneWidth(r)
		}
	}
	return float64(sum) / 1000 * size
}

// breakable are the words of a text and, of long ones, the parts after which they may be broken.
func breakable(s string) (parts []string) {
	all := []rune(s)
	begin := 0
	for i, r := range all {
		last := i == len(all)-1
		digit := !last && all[i+1] >= '0' && all[i+1] <= '9'
		switch {
		case last, r == ' ', strings.ContainsRune("/-_=", r), strings.ContainsRune(".:", r) && !digit,
			unicode.IsLower(r) && unicode.IsUpper(all[i+1]):
			parts, begin = append(parts, string(all[begin:i+1])), i+1
		}
	}
	return parts
}

// brokenLines are the lines of a text that are no wider than that. What has no place to break is broken anywhere.
func brokenLines(s string, width, size float64) []string {
	var lines []string
	line := ""
	for _, piece := range breakable(s) {
		if line != "" && textWidth(strings.TrimRight(line+piece, " "), size) > width {
			lines, line = append(lines, strings.TrimRight(line, " ")), ""
		}
		for textWidth(strings.TrimRight(piece, " "), size) > width && utf8.RuneCountInString(piece) > 1 {
			head := ""
			for _, r := range piece {
				if head != "" && textWidth(head+string(r), size) > width {
					break
				}
				head += string(r)
			}
			lines, piece = append(lines, head), piece[len(head):]
		}
		line += piece
	}
	if strings.TrimSpace(line) != "" || len(lines) == 0 {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// widestPiece is the widest part of a text that is not to be broken.
func widestPiece(s string, size float64) (widest float64) {
	for _, piece := range breakable(s) {
		widest = max(widest, textWidth(strings.TrimRight(piece, " "), size))
	}
	return widest
}

// Of a label in a picture: the characters of a line, and of the whole.
const (
	labelLine = 40
	labelMost = 80
)

var together = regexp.MustCompile(`(revision|[≈≤]) | (ms|s|min)\b`)

// pictureLabel is the label of a row in a picture, with what stands beside it.
func (y Style) pictureLabel(f figure, x row) string {
	text := Plain(x.Label + f.tags.of(x.Step))
	if all := []rune(text); len(all) > labelMost {
		text = strings.TrimSpace(string(all[:labelMost-1])) + "…"
	}
	if right := y.beside(f, x); right != "" { // a number stays with its unit, and a revision with its word
		text += " ·\u00a0" + together.ReplaceAllStringFunc(right, func(s string) string {
			return strings.ReplaceAll(s, " ", "\u00a0")
		})
	}
	return text
}
