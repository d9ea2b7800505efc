package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"sluice/stream/kafka"
)

// ChangelogTopic is the changelog of the table of that name.
func ChangelogTopic(name string) string { return "sluice.state." + name }

// HeaderNext is on each record of a changelog: the offset of the table's input up
// to which, without it, the value has seen all.
const HeaderNext = "sluice.next"

// ErrMoved says that another process has written to the partition since it was
// read: whoever is right reads it again.
var ErrMoved = errors.New("another process writes to this partition, too")

// Table is a stage's memory. It is for one goroutine.
type Table struct {
	name   string
	client redis.UniversalClient
	kafka  kafka.Config
	log    *slog.Logger
	// writer tells this process's markers from others'; count makes each unique.
	writer string
	count  uint64
	// mine are the markers that were last written or found good.
	mine map[int32]string

	metrics *metrics
	// doing is what a call is waiting for, for other goroutines.
	doing atomic.Pointer[string]
	// Progress, if set, is told of each record of a changelog that is restored.
	Progress func(partition int32, offset, records int64)
}

// Doing is what the table is waiting for; "": nothing. It may be called from any
// goroutine.
func (t *Table) Doing() string {
	if s := t.doing.Load(); s != nil {
		return *s
	}
	return ""
}

func (t *Table) does(format string, args ...any) (done func()) {
	text, before := fmt.Sprintf(format, args...), t.doing.Load()
	t.doing.Store(&text)
	return func() { t.doing.Store(before) }
}

// New makes the table of that name. Nothing is connected before the first read.
func New(name string, client redis.UniversalClient, kc kafka.Config, log *slog.Logger) *Table {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Table{
		name: name, client: client, kafka: kc, log: log.With("table", name),
		writer: strconv.FormatUint(rand.Uint64(), 36), mine: map[int32]string{},
	}
}

// Part is what a batch reads and writes of one partition.
type Part struct {
	Partition int32
	// Next is the offset behind the batch's last record.
	Next int64
	Keys []string
	// Values has one value a key; nil where there is none. Read fills it; what
	// it holds then, Write writes. An empty value removes its key.
	Values [][]byte

	marker marker
}

// marker is the text of the field "": "<next>/<writer>.<count>".
type marker string

// next is the offset up to which all was seen; -1: there is no marker.
func (m marker) next() int64 {
	text, _, ok := strings.Cut(string(m), "/")
	n, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || n < 0 {
		return -1
	}
	return n
}

func (t *Table) mark(next int64) marker {
	t.count++
	return marker(fmt.Sprintf("%d/%s.%d", next, t.writer, t.count))
}

// key is the hash of a partition. What is in braces is the cluster's hash tag: all
// of a partition is on one node.
func (t *Table) key(partition int32) string { return hashKey(t.name, partition) }

func hashKey(name string, partition int32) string {
	return "sluice:state:{" + name + "/" + strconv.Itoa(int(partition)) + "}"
}

// Read fills the values of the parts in one round trip, to each node where there
// are several. A partition whose hash is missing or behind is restored first. An
// error means that Redis or Kafka is away.
func (t *Table) Read(ctx context.Context, parts []*Part) error {
	defer t.does("redis, to read the state of %s", t.name)()
	for todo := parts; len(todo) > 0; {
		if err := t.fetch(ctx, todo); err != nil {
			return fmt.Errorf("reading the state of %s in redis: %w", t.name, err)
		}
		var again []*Part
		for _, p := range todo {
			good, err := t.verify(ctx, p)
			if err != nil {
				return err
			}
			if !good {
				again = append(again, p)
			}
		}
		todo = again
	}
	return nil
}

func (t *Table) fetch(ctx context.Context, parts []*Part) error {
	pipe := t.client.Pipeline()
	cmds := make([]*redis.SliceCmd, len(parts))
	for i, p := range parts {
		fields := make([]string, 1, len(p.Keys)+1)
		cmds[i] = pipe.HMGet(ctx, t.key(p.Partition), append(fields, p.Keys...)...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for i, p := range parts {
		found := cmds[i].Val()
		if len(found) != len(p.Keys)+1 {
			return fmt.Errorf("it gave %d values for %d keys", len(found), len(p.Keys)+1)
		}
		text, _ := found[0].(string)
		p.marker = marker(text)
		p.Values = p.Values[:0]
		for _, v := range found[1:] {
			var value []byte
			if text, ok := v.(string); ok {
				value = bytesOf(text)
			}
			p.Values = append(p.Values, value)
		}
	}
	return nil
}

// verify reports whether what was read may be used; if not, it has restored the
// hash, and the part is read again.
func (t *Table) verify(ctx context.Context, p *Part) (bool, error) {
	if p.marker != "" && string(p.marker) == t.mine[p.Partition] {
		return true, nil
	}
	next, err := t.tail(ctx, p.Partition)
	if err != nil {
		return false, fmt.Errorf("looking whether the state of %s in redis is whole: %w", t.name, err)
	}
	if have := p.marker.next(); have >= next {
		t.mine[p.Partition] = string(p.marker)
		return true, nil
	} else if _, known := t.mine[p.Partition]; known || have >= 0 {
		t.log.Warn("redis has lost a part of the state; it is restored", "partition", p.Partition, "has", have, "changelog", next)
	}
	delete(t.mine, p.Partition)
	return false, t.Restore(ctx, p.Partition)
}

// write sets the values, if the marker is as it was read.
var write = redis.NewScript(`
local key = KEYS[1]
local there = redis.call('HGET', key, '')
if there ~= ARGV[1] then return 0 end
local set, n = {}, 0
for i = 3, #ARGV, 2 do
	if ARGV[i + 1] == '' then
		redis.call('HDEL', key, ARGV[i])
	else
		set[n + 1], set[n + 2] = ARGV[i], ARGV[i + 1]
		n = n + 2
		if n == 2000 then
			redis.call('HSET', key, unpack(set))
			set, n = {}, 0
		end
	end
end
set[n + 1], set[n + 2] = '', ARGV[2]
redis.call('HSET', key, unpack(set))
return 1`)

// Write writes the values of the parts that were read, in one round trip.
// ErrMoved: another process has written since. After an error a part may have
// been written; the same records, processed again, must lead to the same values.
func (t *Table) Write(ctx context.Context, parts []*Part) error {
	defer t.does("redis, to write the state of %s", t.name)()
	for try := 0; ; try++ {
		pipe := t.client.Pipeline()
		cmds := make([]*redis.Cmd, len(parts))
		marks := make([]marker, len(parts))
		for i, p := range parts {
			marks[i] = t.mark(max(p.Next, p.marker.next()))
			args := append(make([]any, 0, 2+2*len(p.Keys)), string(p.marker), string(marks[i]))
			for k, key := range p.Keys {
				args = append(args, key, p.Values[k])
			}
			cmds[i] = pipe.EvalSha(ctx, write.Hash(), []string{t.key(p.Partition)}, args...)
		}
		_, _ = pipe.Exec(ctx) // each command has its error
		unknown := false
		var err error
		for i, p := range parts {
			n, failed := cmds[i].Int()
			switch {
			case failed == nil && n == 1:
				t.mine[p.Partition], p.marker = string(marks[i]), marks[i]
			case failed == nil:
				delete(t.mine, p.Partition)
				err = errors.Join(err, fmt.Errorf("partition %d of %s: %w", p.Partition, t.name, ErrMoved))
			case redis.HasErrorPrefix(failed, "NOSCRIPT") && try == 0:
				unknown = true
			default:
				err = errors.Join(err, failed)
			}
		}
		if err != nil || !unknown {
			if err != nil {
				return fmt.Errorf("writing the state of %s to redis: %w", t.name, err)
			}
			t.measure(ctx)
			return nil
		}
		if err := write.Load(ctx, t.client).Err(); err != nil {
			return fmt.Errorf("writing the state of %s to redis: %w", t.name, err)
		}
	}
}
