package mysql

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"sluice/schemas"
)

// The encodings of MySQL's character sets, by their names there. MySQL's latin1
// is Windows' 1252.
var (
	singleByte = map[string]*charmap.Charmap{
		"latin1": charmap.Windows1252, "latin2": charmap.ISO8859_2, "latin5": charmap.ISO8859_9, "latin7": charmap.ISO8859_13,
		"greek": charmap.ISO8859_7, "hebrew": charmap.ISO8859_8, "koi8r": charmap.KOI8R, "koi8u": charmap.KOI8U,
		"cp1250": charmap.Windows1250, "cp1251": charmap.Windows1251, "cp1256": charmap.Windows1256, "cp1257": charmap.Windows1257,
		"cp850": charmap.CodePage850, "cp852": charmap.CodePage852, "cp866": charmap.CodePage866,
		"macroman": charmap.Macintosh, "tis620": charmap.Windows874,
	}
	multiByte = map[string]encoding.Encoding{
		"gbk": simplifiedchinese.GBK, "gb2312": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030, "big5": traditionalchinese.Big5,
		"sjis": japanese.ShiftJIS, "cp932": japanese.ShiftJIS, "ujis": japanese.EUCJP, "eucjpms": japanese.EUCJP, "euckr": korean.EUCKR,
		"ucs2":    unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
		"utf16":   unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
		"utf16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
		"utf32":   utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	}
)

// binaryCharset is the character set of bytes that are no text.
const binaryCharset = "binary"

// charset turns the bytes of a character set into UTF-8.
type charset struct {
	name string
	// single are the letters of a set of one byte each; ascii: those below 128
	// are ASCII's.
	single *[256][utf8.UTFMax]byte
	sizes  *[256]byte
	ascii  bool
	// decoders of a set of several bytes; each is for one goroutine at a time.
	decoders *sync.Pool
}

// newCharset returns the character set of that name, or an error that says that
// there is none.
func newCharset(name string) (*charset, error) {
	c := &charset{name: name}
	switch name {
	case "utf8mb4", "utf8mb3", "utf8", "ascii", binaryCharset:
		return c, nil
	}
	if m := singleByte[name]; m != nil {
		c.single, c.sizes, c.ascii = new([256][utf8.UTFMax]byte), new([256]byte), true
		for i := range 256 {
			c.sizes[i] = byte(utf8.EncodeRune(c.single[i][:], m.DecodeByte(byte(i))))
			c.ascii = c.ascii && (i >= 128 || c.single[i][0] == byte(i))
		}
		return c, nil
	}
	if e := multiByte[name]; e != nil {
		c.decoders = &sync.Pool{New: func() any { return e.NewDecoder() }}
		return c, nil
	}
	return nil, fmt.Errorf("character set %q has no conversion to UTF-8", name)
}

// text converts src, which lies in the arena. What is no letter of the set
// becomes U+FFFD.
func (c *charset) text(src []byte, a *schemas.Arena) schemas.Value {
	switch {
	case c.decoders != nil:
		return schemas.TextOf(c.decode(src, a))
	case c.single == nil && utf8.Valid(src), c.ascii && isASCII(src):
		return schemas.TextOf(src)
	case c.single == nil:
		out := a.Grow(len(src) * len("\uFFFD"))
		for len(src) > 0 {
			r, n := utf8.DecodeRune(src)
			out, src = utf8.AppendRune(out, r), src[n:]
		}
		a.Keep(len(out))
		return schemas.TextOf(out)
	}
	out := a.Grow(len(src) * utf8.UTFMax)
	for _, b := range src {
		out = append(out, c.single[b][:c.sizes[b]]...)
	}
	a.Keep(len(out))
	return schemas.TextOf(out)
}

// decode converts a set of several bytes; none grows more than threefold.
func (c *charset) decode(src []byte, a *schemas.Arena) []byte {
	room := a.Grow(3*len(src) + utf8.UTFMax)
	d := c.decoders.Get().(*encoding.Decoder)
	d.Reset()
	n, read, err := d.Transform(room[:cap(room)], src, true)
	c.decoders.Put(d)
	out := room[:n]
	if err != nil && read < len(src) {
		out = utf8.AppendRune(out, utf8.RuneError)
	}
	a.Keep(len(out))
	return out
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
