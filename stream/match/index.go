package match

import (
	"context"

	"github.com/google/uuid"
)

// Index remembers records, the keys they are filed under, and golden records. It
// is read and written by batches, so that an index elsewhere costs a handful of
// round trips a batch.
//
// The order is: Put, then Candidates, then Goldens, then Save. Since a batch is
// filed before it looks, of two alike records that arrive at once at two
// processes at least one sees the other.
type Index interface {
	// Put files records that it does not have; of those that it has it replaces
	// the values and keys, and keeps Seq and Golden.
	Put(ctx context.Context, batch []*Record) error
	// Candidates answers, for each record of the batch, which other records
	// share a key with it: at most the block's cap for each of its keys, and of
	// all these the MostCandidates that share the most keys with it. The
	// same record is the same pointer in all answers to a batch, and the one
	// that was put.
	Candidates(ctx context.Context, batch []*Record) ([][]*Record, error)
	// Goldens are the golden records of these ids, in their order.
	Goldens(ctx context.Context, ids []uuid.UUID) ([]*Golden, error)
	// Save writes golden records as they are now; one without members is gone.
	Save(ctx context.Context, changed []*Golden) error
	// Crowded tells of the keys that were too full.
	Crowded() Crowding
}

// MostCandidates is how many records one record is held against.
const MostCandidates = 120

// Golden is what several records are together.
type Golden struct {
	ID uuid.UUID
	// Members are its records, the oldest first.
	Members []*Record
}

// Crowding counts keys that too many records share, by block.
type Crowding struct {
	// Split keys were divided by the block's second key.
	Split map[int]int
	// Full ones are full even so: only the first records are found by them.
	Full map[int]int
}

// space is the namespace of golden ids.
var space = uuid.MustParse("6f1d6a0e-4a53-5c53-9d5e-7a0f2f6d8c11")

// goldenID is the id of the golden record whose first member is that record.
func goldenID(first *Record) uuid.UUID { return uuid.NewSHA1(space, []byte(first.ID)) }
