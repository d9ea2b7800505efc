package govern

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"sluice/schemas"
	"sluice/stream"
	"sluice/stream/state"
)

// review is the table of the records of a review topic.
var review = &schemas.Table{Schema: "review", Name: "Review", Columns: []schemas.Column{
	{Name: "golden_id", Type: schemas.Type{Name: schemas.StringType}},
	{Name: "field", Type: schemas.Type{Name: schemas.StringType}, Optional: true, Doc: "The field about which the sources disagree; null: one deleted the record, and others did not."},
	{Name: "value", Type: schemas.Type{Name: schemas.StringType}, Optional: true, Doc: "The value that the golden record has meanwhile."},
	{Name: "rule", Type: schemas.Type{Name: schemas.StringType}, Optional: true, Doc: "Why it has that."},
	{Name: "candidates", Type: schemas.Type{Name: schemas.JSONType}, Doc: "What each source record says, as in sluice explain -o json."},
	{Name: "time", Type: schemas.Type{Name: schemas.InstantType}, Doc: "The newest change of the golden record."},
}}

// settle makes the golden record of the batch's last contribution, and its
// outputs. next is the offset behind the batch in its partition.
func (s *Stage) settle(r *record, next int64) {
	if r.item == nil {
		return // all that was said of it is parked
	}
	it := r.item
	again := r.first <= r.last
	if !r.dirty && !again {
		it.Filter(ReasonUnchanged)
		return
	}
	s.policy.Merge(&r.state, &r.golden)
	var sum uint64
	if r.row = r.golden.Row(r.row); r.row != nil {
		sum = s.sum(r.row)
	}
	s.count(&r.golden)
	if again || sum != r.sum || r.contradicts() {
		s.out(it, stream.Output{Topic: EntityTopic(s.entity), Key: it.Key, Table: s.golden, Row: r.row, Headers: s.headersOf(it)})
	}
	s.reviews(it, r, again)
	r.sum, r.last, r.dirty = sum, max(r.last, it.Offset), true
	r.encode(s.codec)
	s.out(it, stream.Output{
		Topic: state.ChangelogTopic(s.entity), Partition: r.partition, Key: it.Key, Value: r.bytes,
		Headers: s.header(state.HeaderNext, strconv.AppendInt(s.arena.Grow(20), next, 10)),
	})
}

func (s *Stage) out(it *stream.Item, o stream.Output) { it.Out = append(it.Out, o) }

// sum is never 0.
func (s *Stage) sum(row schemas.Row) uint64 {
	s.scratch = s.scratch[:0]
	for i := range row {
		s.scratch = appendValue(s.scratch, &row[i])
	}
	return max(1, xxhash.Sum64(s.scratch))
}

// microTime is RFC 3339 with microseconds.
const microTime = "2006-01-02T15:04:05.000000Z07:00"

// headersOf are those of a golden record: which change made it what it is.
func (s *Stage) headersOf(it *stream.Item) []stream.Header {
	start := len(s.headers)
	rules := append(append(s.arena.Grow(64), it.Header(schemas.HeaderRules)...), s.stamp...)
	s.arena.Keep(min(len(rules), 64))
	at := time.UnixMicro(s.timeOf(it)).UTC().AppendFormat(s.arena.Grow(len(microTime)+8), microTime)
	s.arena.Keep(len(at))
	s.headers = append(s.headers,
		stream.Header{Key: schemas.HeaderPosition, Value: it.Change.ID},
		stream.Header{Key: schemas.HeaderSource, Value: it.Header(schemas.HeaderSource)},
		stream.Header{Key: schemas.HeaderRules, Value: rules},
		stream.Header{Key: schemas.HeaderTime, Value: at},
	)
	return s.headers[start:len(s.headers):len(s.headers)]
}

func (s *Stage) timeOf(it *stream.Item) int64 {
	_ = s.head.Parse(it.Header(schemas.HeaderChange)) // it was read before
	return s.head.Time
}

func (s *Stage) header(key string, value []byte) []stream.Header {
	s.arena.Keep(len(value))
	start := len(s.headers)
	s.headers = append(s.headers, stream.Header{Key: key, Value: value})
	return s.headers[start:len(s.headers):len(s.headers)]
}

// reviews opens and closes what a person has to settle.
func (s *Stage) reviews(it *stream.Item, r *record, again bool) {
	var said *Explanation
	open := r.open[:0:0]
	for i := range len(r.golden.Fields) + 1 {
		now := s.inReview(r, i)
		if now {
			open = open.With(i)
		}
		if !now && !r.open.Has(i) && !(again && s.reviewable.Has(i)) {
			continue
		}
		key := append(append(s.arena.Grow(len(r.id)+64), r.id...), '/')
		if i < len(r.golden.Fields) {
			key = append(key, s.policy.Table().Columns[i].Name...)
		}
		key = s.arena.Copy(key)
		o := stream.Output{Topic: ReviewTopic(s.entity), Key: key, Table: review}
		if now {
			if said == nil {
				said = Explain(s.policy, r.id, &r.state)
			}
			o.Row = s.reviewRow(it, r, said, i)
		}
		s.out(it, o)
	}
	r.open = open
}

// inReview reports whether a person has to look at a field; behind the fields, at
// the deletion.
func (s *Stage) inReview(r *record, i int) bool {
	g := &r.golden
	if i < len(g.Fields) {
		return !g.Deleted && g.Fields[i].Review
	}
	return !g.Deleted && s.policy.deletes == DeleteReview && len(g.Gone) > 0
}

func (s *Stage) reviewRow(it *stream.Item, r *record, said *Explanation, i int) schemas.Row {
	word := func(text string) schemas.Value { return schemas.TextOf([]byte(text)) }
	row := schemas.Row{schemas.TextOf(it.Key), {}, {}, {}, {}, schemas.IntOf(r.golden.Newest)}
	var candidates any = said.Records
	if i < len(said.Fields) {
		f := &said.Fields[i]
		row[1], row[3] = word(f.Name), word(f.Rule)
		if f.Value != nil {
			row[2] = word(*f.Value)
		}
		candidates = f.Candidates
	} else {
		row[3] = word(said.Deletion)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(candidates); err != nil {
		panic(err) // texts, times and numbers always have a JSON form
	}
	row[4] = schemas.TextOf(bytes.TrimSpace(text.Bytes()))
	return row
}

// count counts the fields about which the sources disagree.
func (s *Stage) count(g *Golden) {
	if g.Deleted {
		return
	}
	for i := range g.Fields {
		if f := &g.Fields[i]; f.Conflict {
			s.conflict(i, f.System).Inc()
		}
	}
}
