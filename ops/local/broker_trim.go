package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// indexEntry is the size of kfake's index entry, one for each batch.
const indexEntry = 15

// trim cuts the batches off each log segment of a killed broker that have no
// entry in the index. kfake writes the batch, then its entry, then answers.
func trim(dir string) error {
	segments, err := filepath.Glob(filepath.Join(dir, "partitions", "*", "*.dat"))
	if err != nil {
		return fmt.Errorf("looking for the segments: %w", err)
	}
	var errs []error
	for _, path := range segments {
		if err := trimSegment(path); err != nil {
			errs = append(errs, fmt.Errorf("trimming %s: %w", path, err))
		}
	}
	return errors.Join(errs...)
}

func trimSegment(path string) error {
	index := strings.TrimSuffix(path, ".dat") + ".idx"
	info, err := os.Stat(index)
	if errors.Is(err, os.ErrNotExist) {
		return os.Truncate(path, 0)
	}
	if err != nil {
		return err
	}
	entries := info.Size() / indexEntry
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// A batch begins with its first offset and the length of what follows
	// (Kafka protocol, "Record Batch").
	var end int64
	var head [12]byte
	for range entries {
		_, err := f.ReadAt(head[:], end)
		if errors.Is(err, io.EOF) {
			break // kfake cuts the index itself
		}
		if err != nil {
			return err
		}
		end += int64(len(head)) + int64(binary.BigEndian.Uint32(head[8:]))
	}
	if info.Size()%indexEntry != 0 {
		if err := os.Truncate(index, entries*indexEntry); err != nil {
			return err
		}
	}
	if info, err = f.Stat(); err != nil || info.Size() <= end {
		return err
	}
	return os.Truncate(path, end)
}
