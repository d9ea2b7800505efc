package registry

import (
	"context"
	"errors"
)

// Config is the registry block of the configuration.
type Config struct {
	URL      string `yaml:"url"`
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	TLS      *TLS   `yaml:"tls"`
}

// TLS names the files of a TLS connection.
type TLS struct {
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Client registers and fetches schemas, each once.
type Client struct{}

var errNotBuilt = errors.New("not built")

// Open returns a client of the registry.
func (c Config) Open() (*Client, error) { return nil, errNotBuilt }

// Register registers the Avro schema under the subject and returns its id.
// Known pairs are answered from memory. A schema that the subject's
// compatibility refuses is a *schemas.Fault that names the field.
func (c *Client) Register(ctx context.Context, subject, schema string) (int, error) {
	return 0, errNotBuilt
}

// Schema returns the text of the schema with that id, from memory if known.
func (c *Client) Schema(ctx context.Context, id int) (string, error) { return "", errNotBuilt }

// AppendHeader appends the wire header of Confluent: 0x00 and the id, 4 bytes
// big endian.
func AppendHeader(dst []byte, id int) []byte {
	return append(dst, 0, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// SplitHeader returns the schema id and the Avro bytes behind it.
func SplitHeader(data []byte) (id int, rest []byte, err error) { return 0, nil, errNotBuilt }
