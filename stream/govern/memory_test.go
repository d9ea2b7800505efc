package govern_test

import (
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"sluice/ops/local"
	"sluice/stream/govern"
	"sluice/stream/kafka"
	redisstate "sluice/stream/state"
)

// BenchmarkRedisMemory is what Redis uses for 100,000 golden records with two
// contributions each.
func BenchmarkRedisMemory(b *testing.B) {
	const records = 100_000
	server, err := local.StartRedis(b.Context(), local.RedisOptions{})
	if err != nil {
		b.Skip(err)
	}
	defer func() { _ = server.Stop() }()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = client.Close() }()
	p, events := wide(b)
	data := govern.NewCodec(p.Table()).Append(nil, state(events))
	for b.Loop() {
		client.FlushAll(b.Context())
		for at := 0; at < records; at += 1000 {
			set := []any{"", "0/x.1"}
			for n := at; n < at+1000; n++ {
				set = append(set, "customer-"+strconv.Itoa(n), data)
			}
			if err := client.HSet(b.Context(), "sluice:state:{customer/0}", set...).Err(); err != nil {
				b.Fatal(err)
			}
		}
	}
	sizes, err := redisstate.New("customer", client, kafka.Config{}, nil).Sizes(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(data)), "bytes/state")
	b.ReportMetric(float64(sizes[0].Bytes)/float64(sizes[0].Records), "bytes/record")
	b.ReportMetric(float64(len(p.Table().Columns)), "fields")
}
