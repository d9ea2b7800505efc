//go:build unix && !linux

package local

import "syscall"

// attributes puts the process into a group of its own. Only Linux signals a
// child when its parent dies; elsewhere the janitor alone does.
func attributes(_ syscall.Signal, as *account) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if as != nil {
		a.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
	return a
}
