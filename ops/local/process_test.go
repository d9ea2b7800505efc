package local_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/ops/local"
)

// starter has this binary start a Postgres, say its id and directory, and wait
// to be killed.
const starter = "SLUICE_TEST_STARTER"

func beStarter() {
	s, err := local.StartPostgres(context.Background(), local.PostgresOptions{})
	if err != nil {
		fmt.Println("0", err)
		os.Exit(1)
	}
	fmt.Println(s.PID(), s.Dir())
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
	os.Exit(0)
}

// eventually asks until the answer is true, for at most 20 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("after 20 s, still not: %s", what)
		case <-tick.C:
		}
	}
}

func TestServerEndsWithTheProcessThatStartedIt(t *testing.T) {
	server, err := local.StartPostgres(t.Context(), local.PostgresOptions{})
	need(t, err) // is there a Postgres at all?
	_ = server.Stop()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), starter+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	first, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err2 := strconv.Atoi(first)
	if err != nil || err2 != nil || pid == 0 {
		t.Fatalf("the child said %q", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "the server is gone", func() bool { return !running(pid) })
	eventually(t, "its directory is removed", func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	})
}

// running reports whether the process exists and is no zombie: where nobody
// reaps orphans, one stays in the table.
func running(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestStartSaysWhyAServerDidNotStart(t *testing.T) {
	_, err := local.StartPostgres(t.Context(), local.PostgresOptions{Settings: map[string]string{"no_such_setting": "1"}})
	if errors.Is(err, local.ErrMissing) {
		need(t, err)
	}
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error = %v, want one that names the setting", err)
	}
}

func TestMissingServerIsNamedWithItsCure(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for part, want := range map[local.Part]string{local.PartRedis: "redis-server", local.PartKafka: "default-jre-headless maven"} {
		err := local.Ensure(t.Context(), func(string) {}, part)
		if !errors.Is(err, local.ErrMissing) || !strings.Contains(err.Error(), want) {
			t.Errorf("Ensure(%s) = %v, want ErrMissing and the package %q", part, err, want)
		}
	}
	if _, err := local.StartRedis(t.Context(), local.RedisOptions{}); !errors.Is(err, local.ErrMissing) {
		t.Errorf("StartRedis = %v, want ErrMissing", err)
	}
}

func TestRedisKeepsItsDataOverKillWhenDurable(t *testing.T) {
	s, err := local.StartRedis(t.Context(), local.RedisOptions{Durable: true})
	need(t, err)
	t.Cleanup(func() { _ = s.Stop() })
	if got := redisAsk(t, s.Addr(), "SET k v"); got != "+OK" {
		t.Fatalf("SET = %q", got)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := redisAsk(t, s.Addr(), "STRLEN k"); got != ":1" {
		t.Errorf("STRLEN after kill -9 = %q, want :1", got)
	}
}

// redisAsk sends one command in Redis's inline form and returns the first line
// of the answer.
func redisAsk(t *testing.T, addr, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}
