package govern

import "errors"

// ErrCorrupt says that bytes are no state. Where they come from a cache, throw
// it away and rebuild it; where they come from the changelog, nothing can be
// decided and the process must stop.
var ErrCorrupt = errors.New("the bytes are no state of a golden record")
