package pump

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// askOutTime bounds the look at who is in the group; it only saves time.
const askOutTime = 5 * time.Second

// askOutDead asks those members out of the group that were killed on this host,
// so that an instance that is started again after a crash need not wait until
// the group has noticed the death. Being wrong is harmless: a live instance
// that is asked out is fenced and stands by.
func (p *Pump) askOutDead(ctx context.Context, cl *kgo.Client) {
	ctx, cancel := context.WithTimeout(ctx, askOutTime)
	defer cancel()
	described, err := kadm.NewClient(cl).DescribeGroups(ctx, Group(p.name))
	if err != nil {
		return // as one that may not describe groups
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = Group(p.name)
	for _, m := range described[Group(p.name)].Members {
		_, instance, ok := strings.Cut(m.ClientID, "@")
		if !ok || instance == p.instance || !p.dead(instance) {
			continue
		}
		p.log.Info("the instance that had the capture is dead; taking its place", "instance", instance)
		one := kmsg.NewLeaveGroupRequestMember()
		one.MemberID = m.MemberID
		req.Members = append(req.Members, one)
		req.MemberID = m.MemberID // of versions before 3, which name one
	}
	if len(req.Members) > 0 {
		_, _ = req.RequestWith(ctx, cl) // else the group notices by itself
	}
}

// dead reports whether the instance is surely gone: of this host, and its
// process is not there.
func (p *Pump) dead(instance string) bool {
	was, own := strings.Split(instance, "/"), strings.Split(p.instance, "/")
	if len(was) != 3 || was[0] != own[0] {
		return false
	}
	pid, err := strconv.Atoi(was[1])
	if err != nil || pid <= 0 {
		return false
	}
	proc, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = proc.Signal(syscall.Signal(0))
	return errors.Is(err, os.ErrProcessDone)
}
