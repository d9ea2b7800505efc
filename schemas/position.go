package schemas

// Position is where a source resumes: after exactly the events that came
// before it. It is opaque to all but the source that made it, and JSON text, so
// that a person can read it in the topic sluice.positions. The zero Position
// starts with a snapshot.
type Position string

// IsZero reports whether nothing was read yet.
func (p Position) IsZero() bool { return p == "" }
