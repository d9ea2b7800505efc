package tap

import (
	"math/big"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
)

func encode(t *testing.T, schema string, native any) []byte {
	t.Helper()
	c, err := goavro.NewCodec(schema)
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.BinaryFromNative(nil, native)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func ratOf(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s + " is no number")
	}
	return r
}

func timeOf(s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return at
}

func dateOf(s string) time.Time { return timeOf(s + "T00:00:00Z") }
