package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
)

// IsFenced reports whether the transactional producer behind err has lost its
// transactional id. Either another process began to use the id, or the
// transaction outlived its timeout (a broker was away for longer) and the
// coordinator ended it. In both cases nothing of the open transaction is or
// will be visible, and the client can only be closed.
//
// Who is the only rightful holder of the id may open a new client and go on
// from what was committed last; being fenced again at once means that another
// process is at work, and this one stops.
func IsFenced(err error) bool {
	for _, fenced := range []*kerr.Error{
		kerr.ProducerFenced,           // a newer producer has the id
		kerr.InvalidProducerEpoch,     // the same, as brokers before 2.7 and partition leaders put it
		kerr.InvalidProducerIDMapping, // the id belongs to another producer id now
		kerr.TransactionalIDNotFound,  // the coordinator forgot the id (transactional.id.expiration.ms)
	} {
		if errors.Is(err, fenced) {
			return true
		}
	}
	return false
}
