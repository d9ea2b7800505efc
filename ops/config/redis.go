package config

import (
	"github.com/redis/go-redis/v9"

	"sluice/schemas"
)

// Redis is where what can be rebuilt is remembered.
type Redis struct {
	// URL is redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS.
	URL string `yaml:"url"`
}

// Set reports whether the file names a Redis.
func (r *Redis) Set() bool { return r.URL != "" }

// Validate returns a *schemas.Fault with a path relative to the block.
func (r *Redis) Validate() error {
	if !r.Set() {
		return nil
	}
	if _, err := redis.ParseURL(r.URL); err != nil {
		return &schemas.Fault{Where: "url", What: "is no address of a Redis", Cure: "write one such as redis://user:password@localhost:6379/0", Err: err}
	}
	return nil
}

// Open makes a client; it connects when it is used.
func (r *Redis) Open() (redis.UniversalClient, error) {
	o, err := redis.ParseURL(r.URL)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(o), nil
}
