package state

import (
	"errors"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"

	"sluice/schemas"
	"sluice/stream/kafka"
)

// Config is the redis block: where what can be rebuilt is remembered. Either URL
// is set, or Addresses.
type Config struct {
	// URL is redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS.
	URL string `yaml:"url"`

	// Addresses are host:port of one server, of the sentinels, or of some nodes of
	// a cluster.
	Addresses []string `yaml:"addresses"`
	// Master is the name under which sentinels know the server.
	Master string `yaml:"master"`
	// Cluster says that the addresses are nodes of a cluster; so do more than one
	// without a master.
	Cluster  bool   `yaml:"cluster"`
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	// DB is the database of a server that is no cluster.
	DB int `yaml:"db"`
	// Sentinel are the credentials of the sentinels, where they ask for some.
	Sentinel Sentinel `yaml:"sentinel"`
	// TLS turns TLS on if it is present, even when empty.
	TLS *kafka.TLS `yaml:"tls"`
}

// Sentinel are the credentials of the sentinels.
type Sentinel struct {
	Username string `yaml:"username"`
	Password string `yaml:"password"`
}

// Set reports whether the file names a Redis.
func (c *Config) Set() bool { return c.URL != "" || len(c.Addresses) > 0 }

// Validate returns *schemas.Faults with paths relative to the block. It opens
// neither files nor connections.
func (c *Config) Validate() error {
	var faults []error
	fault := func(where, what, cure string, err error) {
		faults = append(faults, &schemas.Fault{Where: where, What: what, Cure: cure, Err: err})
	}
	if c.URL != "" {
		if len(c.Addresses) > 0 {
			fault("addresses", "stand beside url", "keep one of the two", nil)
		}
		if _, err := redis.ParseURL(c.URL); err != nil {
			fault("url", "is no address of a Redis", "write one such as redis://user:password@localhost:6379/0", err)
		}
	}
	for i, a := range c.Addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			fault(fmt.Sprintf("addresses[%d]", i), fmt.Sprintf("%q is no address", a), "write host:port", err)
		}
	}
	if len(c.Addresses) == 0 && (c.Master != "" || c.Cluster) {
		fault("addresses", "there are none", "name the sentinels, or some nodes of the cluster: [host:port, ...]", nil)
	}
	if c.Master != "" && c.Cluster {
		fault("cluster", "stands beside master", "keep master for sentinels, or cluster", nil)
	}
	if c.DB != 0 && c.clustered() {
		fault("db", fmt.Sprintf("a cluster has no database %d", c.DB), "take it out: a cluster has 0 alone", nil)
	}
	if c.TLS != nil && (c.TLS.Cert == "") != (c.TLS.Key == "") {
		fault("tls", "has one of cert and key", "name both, or neither", nil)
	}
	return errors.Join(faults...)
}

func (c *Config) clustered() bool { return c.Cluster || len(c.Addresses) > 1 && c.Master == "" }

// Open makes a client; it connects when it is used. The error is a
// *schemas.Fault.
func (c *Config) Open() (redis.UniversalClient, error) {
	if c.URL != "" {
		o, err := redis.ParseURL(c.URL)
		if err != nil {
			return nil, &schemas.Fault{Where: "redis.url", What: "is no address of a Redis", Cure: "write one such as redis://user:password@localhost:6379/0", Err: err}
		}
		if c.TLS != nil {
			if o.TLSConfig, err = c.TLS.Load("redis.tls"); err != nil {
				return nil, err
			}
		}
		return redis.NewClient(o), nil
	}
	o := &redis.UniversalOptions{
		Addrs: c.Addresses, MasterName: c.Master, IsClusterMode: c.clustered(), DB: c.DB,
		Username: c.Username, Password: c.Password,
		SentinelUsername: c.Sentinel.Username, SentinelPassword: c.Sentinel.Password,
	}
	if c.TLS != nil {
		var err error
		if o.TLSConfig, err = c.TLS.Load("redis.tls"); err != nil {
			return nil, err
		}
	}
	return redis.NewUniversalClient(o), nil
}
