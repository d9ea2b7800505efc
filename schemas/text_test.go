package schemas

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"512": 512, "512B": 512, "8MiB": 8 << 20, "8 MiB": 8 << 20, "20GB": 20e9, "1.5KiB": 1536, " 2TiB ": 2 << 40, "0": 0,
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: %d, %v; want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1 fortnight", "9999999TiB", "NaN", "Inf", "NaNMiB"} {
		s := Size(7)
		if err := s.UnmarshalText([]byte(text)); err == nil || s != 7 {
			t.Errorf("%q is a size: %d, %v", text, s, err)
		}
	}
}

func TestSizeIsReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Size(rapid.Int64Range(0, 1<<50).Draw(t, "size") << rapid.IntRange(0, 10).Draw(t, "shift"))
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Size
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Fatalf("%d is written %s and read %d, %v", want, text, got, err)
		}
	})
}

func TestFault(t *testing.T) {
	cause := errors.New("connection\nrefused")
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Where: "kafka", What: "no broker answers", Cure: "start one", Err: cause}, "kafka: no broker answers: connection refused; start one"},
		{Fault{What: "empty"}, "empty"},
		{Fault{Where: "a", Err: cause}, "a: connection refused"},
	} {
		if got := c.fault.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if c.fault.Err != nil && !errors.Is(&c.fault, cause) {
			t.Error("the cause is lost")
		}
	}
}
