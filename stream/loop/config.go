package loop

import (
	"errors"
	"fmt"
	"time"

	"sluice/schemas"
)

// Config is the loop block.
type Config struct {
	// Bounces is how often a record may cross the same systems within Window
	// before it is stopped; default 5.
	Bounces int `yaml:"bounces"`
	// Window is the time in which bounces are counted; default 1m.
	Window time.Duration `yaml:"window"`
	// Marks is how long after a write its echo is waited for; default 1h. An
	// echo that comes later is taken for a change of its own.
	Marks time.Duration `yaml:"marks"`
	// Keep is how long a record is remembered after it was last written or
	// changed: so long a replay decides as before, and a sink knows what the
	// target has. Default 24h.
	Keep time.Duration `yaml:"keep"`
}

// Defaults sets what was left out.
func (c *Config) Defaults() {
	if c.Bounces == 0 {
		c.Bounces = 5
	}
	if c.Window == 0 {
		c.Window = time.Minute
	}
	if c.Marks == 0 {
		c.Marks = time.Hour
	}
	if c.Keep == 0 {
		c.Keep = max(24*time.Hour, c.Marks, longWindow*c.Window)
	}
}

// Validate returns *schemas.Faults with paths such as "bounces".
func (c *Config) Validate() error {
	var faults []error
	need := func(ok bool, where, what, cure string) {
		if !ok {
			faults = append(faults, &schemas.Fault{Where: where, What: what, Cure: cure})
		}
	}
	need(c.Bounces >= 1 && c.Bounces <= 100, "bounces", fmt.Sprintf("%d is out of bounds", c.Bounces), "write 1 to 100, or leave it out for 5")
	need(c.Window >= time.Second && c.Window <= time.Hour, "window", fmt.Sprintf("%s is out of bounds", c.Window), "write 1s to 1h, or leave it out for 1m")
	need(c.Marks >= time.Second, "marks", fmt.Sprintf("%s is out of bounds", c.Marks), "write 1s or more, or leave it out for 1h")
	need(c.Keep >= max(c.Marks, longWindow*c.Window), "keep", fmt.Sprintf("%s is shorter than marks or ten windows", c.Keep), "leave it out for 24h")
	return errors.Join(faults...)
}
