package postgres

import (
	"context"
	"testing"
)

// answers is a querier that gives one text after the other, and the last for ever.
type answers struct {
	texts []string
	asked int
}

func (a *answers) query(context.Context, string, ...string) ([]record, error) {
	a.asked++
	return []record{{[]byte(a.texts[min(a.asked, len(a.texts))-1])}}, nil
}

// TestCommitThatIsNotSeenYet: the catalogue is read when the transaction is in it.
func TestCommitThatIsNotSeenYet(t *testing.T) {
	d := &decoder{tx: 700}
	for _, q := range []*answers{
		{texts: []string{"690:700:", "690:701:690,700", "701:701:"}}, // to come, running, ended
		{texts: []string{"4294967986:4294967996:", "4294967986:4294968000:4294967996", "4294967997:4294968000:"}},
	} {
		want := len(q.texts)
		if err := d.seen(t.Context(), q); err != nil || q.asked != want {
			t.Errorf("%v: asked %d times: %v", q.texts, q.asked, err)
		}
	}
	// A commit that waits for a standby is not waited for without an end.
	if err := d.seen(t.Context(), &answers{texts: []string{"690:701:700"}}); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.seen(ctx, &answers{texts: []string{"690:701:700"}}); err == nil {
		t.Error("waits though it was told to stop")
	}
}
