package loop

// Plan is what the guard of one entity watches for.
type Plan struct {
	// Sinks are those whose tagged changes are dropped: what they write leads
	// back to the entity.
	Sinks []string
	// Echoes are where the sinks' writes come back.
	Echoes []Echo
	// Watched are the raw topics of systems that a sink writes to without saying
	// where its writes come back. There only the bounce detector helps.
	Watched []Watch
	// Deletions says that deletions pass, ours too: what is made of the sources'
	// records must know which of them are no more. A deletion that was ours comes
	// to nothing there.
	Deletions bool
}

// Empty reports whether nothing leads back: the entity needs no guard.
func (p *Plan) Empty() bool { return len(p.Sinks)+len(p.Echoes)+len(p.Watched) == 0 }

// NeedsStore reports whether the guard of the plan remembers anything.
func (p *Plan) NeedsStore() bool { return len(p.Echoes)+len(p.Watched) > 0 }

// Echo is where what a sink writes of an entity comes back.
type Echo struct {
	Sink, Entity string
	// Topic is the raw topic of the table in which the target keeps it.
	Topic string
	// Key is the column that holds the entity's key; else ID is that of the
	// target's own id.
	Key, ID string
	// Fields are the entity's fields that the sink writes, with their columns.
	Fields map[string]string
	// Complete: the sink writes no other field. Only then does the content of
	// the columns say that a write is needless.
	Complete bool
	// Reads are the columns of the topic that the guarded entity's rules read; a
	// change of one that the sink does not write is no echo. Nil: all.
	Reads map[string]bool
	// Path is drawn for people.
	Path string
}

// Watch is a raw topic of a system that a sink writes to.
type Watch struct {
	Topic string
	// Reads are the columns that count; nil: all.
	Reads map[string]bool
	Path  string
}
