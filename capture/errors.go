package capture

import "errors"

// ErrLost says that the connection to the source is gone. The source itself may
// be well: Close it, wait, and Open it from the last saved position.
var ErrLost = errors.New("connection to the source lost")
