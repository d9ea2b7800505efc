package state_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"sluice/ops/local"
	"sluice/stream/state"
)

func TestOpensWithAnACLUser(t *testing.T) {
	server, err := local.StartRedis(t.Context(), local.RedisOptions{})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	admin := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = admin.Close() }()
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "sluice", "on", ">secret", "~sluice:*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config state.Config
		good   bool
	}{
		"url":            {state.Config{URL: "redis://sluice:secret@" + server.Addr() + "/0"}, true},
		"addresses":      {state.Config{Addresses: []string{server.Addr()}, Username: "sluice", Password: "secret"}, true},
		"wrong password": {state.Config{Addresses: []string{server.Addr()}, Username: "sluice", Password: "wrong"}, false},
	} {
		client, err := c.config.Open()
		if err != nil {
			t.Fatal(name, err)
		}
		if err := client.Set(t.Context(), "sluice:x", "1", 0).Err(); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err := client.Set(t.Context(), "other", "1", 0).Err(); err == nil {
			t.Errorf("%s: wrote beyond its keys", name)
		}
		_ = client.Close()
	}
}
