package local

import "syscall"

// attributes puts the process into a group of its own, and has the kernel send
// it quit when this process dies.
func attributes(quit syscall.Signal, as *account) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: quit}
	if as != nil {
		a.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
	return a
}
