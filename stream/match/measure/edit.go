package measure

// Distance is the optimal string alignment distance: the least number of
// characters to insert, delete, replace, or swap with their neighbour, where no
// part of the text is edited twice (the restricted form of Damerau and
// Levenshtein). Distances above most are told as most+1, which is cheaper.
func Distance(a, b string, most int) int {
	if a == b {
		return 0
	}
	if plain(a) && plain(b) {
		var x, y [Longest]byte
		return distance(x[:copy(x[:], a)], y[:copy(y[:], b)], most)
	}
	var x, y letters
	return distance(x[:x.fill(a)], y[:y.fill(b)], most)
}

func distance[C byte | rune](a, b []C, most int) int {
	n, m := len(a), len(b)
	if n-m > most || m-n > most {
		return most + 1
	}
	// What begins and ends alike costs nothing.
	start := 0
	for n > start && m > start && a[start] == b[start] {
		start++
	}
	for n > start && m > start && a[n-1] == b[m-1] {
		n--
		m--
	}
	n, m = n-start, m-start
	if n == 0 || m == 0 {
		return min(n+m, most+1)
	}
	var rows [3][Longest + 1]int16
	before, last, now := &rows[0], &rows[1], &rows[2]
	for j := range m + 1 {
		last[j] = int16(j)
	}
	for i := 1; i <= n; i++ {
		now[0] = int16(i)
		least := now[0]
		for j := 1; j <= m; j++ {
			x, y := a[start+i-1], b[start+j-1]
			d := last[j-1]
			if x != y {
				d++
			}
			d = min(d, last[j]+1, now[j-1]+1)
			if i > 1 && j > 1 && x == b[start+j-2] && a[start+i-2] == y {
				d = min(d, before[j-2]+1)
			}
			now[j] = d
			least = min(least, d)
		}
		if int(least) > most {
			return most + 1
		}
		before, last, now = last, now, before
	}
	return min(int(last[m]), most+1)
}
