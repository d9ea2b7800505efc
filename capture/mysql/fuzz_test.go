package mysql

import (
	"encoding/hex"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/schemas"
)

// capturedMap is the body of a TABLE_MAP event of MySQL: of a table with an int, a
// varchar, a decimal, an enum and a datetime(3), and all its metadata.
const capturedMap = "6f0000000000" + "0100" + "0363726d00" + "056974656d7300" +
	"05" + "030ff6fe12" + "07" + "5000" + "0a02" + "f701" + "03" + "1e" +
	"010100" + "02012d" + "0413" + "026964" + "046e616d65" + "057072696365" + "016d" + "026174" +
	"0605" + "02" + "0161" + "0162" + "080100" + "0a012d"

// fuzzDialect knows some character sets by number.
func fuzzDialect(maria bool) *dialect {
	return &dialect{
		maria: maria, decimals: Precise, unsigned: Decimal, zeroDates: Null, charsets: map[string]*charset{},
		names: map[uint64]string{8: "latin1", 45: "utf8mb4", 63: binaryCharset, 28: "gbk", 35: "ucs2"},
	}
}

// FuzzRows reads a layout and rows of it: whatever the bytes are, they are read or
// refused, and never past their end.
func FuzzRows(f *testing.F) {
	body, err := hex.DecodeString(capturedMap)
	if err != nil {
		f.Fatal(err)
	}
	if m, err := parseTableMap(body, false); err != nil || len(m.columns) != 5 || m.columns[4].name != "at" || m.columns[3].kind != gomysql.MYSQL_TYPE_ENUM {
		f.Fatalf("the seed is no table map: %v", err)
	}
	f.Add(body, []byte("\x00\x01\x00\x00\x00\x02ab\x80\x00\x00\x01\x05\x01\x99\xb2\x3b\x00\x00\x00\x00"), false)
	f.Add(body, []byte("\xff"), true)
	f.Fuzz(func(t *testing.T, body, row []byte, maria bool) {
		m, err := parseTableMap(body, maria)
		if err != nil {
			return
		}
		present := make([]byte, (len(m.columns)+7)/8)
		for i := range present {
			present[i] = 0xFF
		}
		plain, err := unread(m)
		if err != nil {
			return
		}
		rest, skipErr := skipImage(plain, present, row)
		rel, err := fuzzDialect(maria).compile(&tableInfo{schema: m.schema, name: m.name}, m.columns, nil)
		if err != nil {
			return
		}
		var b block
		values, after, err := (&decoder{}).image(rel, &b, present, row, nil, true)
		if err != nil {
			return
		}
		if skipErr != nil || len(after) != len(rest) {
			t.Errorf("read, %d bytes are left; passed over, %d (%v)", len(after), len(rest), skipErr)
		}
		for _, v := range values {
			_ = v.Clone()
		}
	})
}

// FuzzJSON reads MySQL's binary documents.
func FuzzJSON(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x0c\x00\x0b\x00\x01\x00\x05\x01\x00a"))
	f.Add([]byte("\x0c\x03abc"))
	f.Add([]byte("\x02\x02\x00\x0a\x00\x02\x00\x00\x02\x00\x00")) // an array of itself, twice
	f.Fuzz(func(_ *testing.T, doc []byte) {
		var v schemas.Value
		var a schemas.Arena
		_ = decodeJSON(&v, doc, &a) // it must return
	})
}

// FuzzStatement cuts statements and events that are compressed.
func FuzzStatement(f *testing.F) {
	f.Add([]byte("RENAME TABLE `a``b`.c TO d, /*!40000 x */ \"q\" TO 'y' -- end"))
	f.Add([]byte("\x82\x01\x00x\x9c"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		s := parseStatement(text)
		s.table(text, "TRUNCATE", "TABLE")
		xidOf(text)
		_, _ = expandEvent(text) // it must return
	})
}

// FuzzGTIDs reads sets, and reads again what it writes.
func FuzzGTIDs(f *testing.F) {
	f.Add("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7,4e11fa47-71ca-11e1-9e33-c80aa9429562:tag:1-3", false)
	f.Add("0-1-5,7-2-18446744073709551615", true)
	f.Fuzz(func(t *testing.T, text string, maria bool) {
		set, err := parseGTIDs(text, maria)
		if err != nil {
			return
		}
		again, err := parseGTIDs(set.String(), maria)
		if err != nil || again.String() != set.String() {
			t.Errorf("%q is written as %q, and that is %v (%v)", text, set, again, err)
		} else if !contains(set, again) || !contains(again, set) {
			t.Errorf("%q does not contain itself", set)
		}
	})
}
