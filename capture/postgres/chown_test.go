package postgres

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// chownAs gives the file to the owner of another: the servers of root run as
// another user.
func chownAs(t *testing.T, path string, like fs.FileInfo) {
	t.Helper()
	if s, ok := like.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(path, int(s.Uid), int(s.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}
