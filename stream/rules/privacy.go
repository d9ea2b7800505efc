package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// privacyFunctions hide values.
func privacyFunctions() []function {
	return []function{
		{
			Name: "sha256", Signature: "sha256(s[, salt])",
			Doc: "the 64 hexadecimal digits of the SHA-256 of the salt and the string, as a column that a capture hashes has. A short value can be guessed by its hash: give a salt, by ${HASH_SALT}; no error shows it",
			Examples: []Example{
				{"sha256('abc')", `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`},
				{"sha256('c', 'ab') == sha256('abc')", "true"},
				{"sha256(null, 'salt')", "null"},
			},
			secret: 1,
			overloads: []cel.FunctionOpt{
				ofText("sha256_string", nullableString, func(s string) (ref.Val, error) { return hashText("", s), nil }),
				overload("sha256_salt", []*cel.Type{nullableString, cel.StringType}, nullableString, func(a []ref.Val) ref.Val { return hashText(argument(a[1]), argument(a[0])) }),
			},
		},
		{
			Name: "mask", Signature: "mask(s[, first, last])",
			Doc: "a * for each character, but for so many of the first and the last ones; a string that has no more than those is masked whole",
			Examples: []Example{
				{"mask('4111111111111111', 0, 4)", `"************1111"`}, {"mask('Müller', 1, 0)", `"M*****"`}, {"mask('abc', 2, 2)", `"***"`}, {"mask('abc')", `"***"`},
			},
			overloads: []cel.FunctionOpt{
				ofText("mask_string", nullableString, func(s string) (ref.Val, error) { return maskText(s, 0, 0), nil }),
				overload("mask_some", []*cel.Type{nullableString, nullableInt, nullableInt}, nullableString, func(a []ref.Val) ref.Val {
					first, _ := a[1].(types.Int)
					last, _ := a[2].(types.Int)
					return maskText(argument(a[0]), int64(first), int64(last))
				}),
			},
		},
	}
}

func hashText(salt, s string) ref.Val {
	sum := sha256.Sum256([]byte(salt + s))
	return types.String(hex.EncodeToString(sum[:]))
}

func maskText(s string, first, last int64) ref.Val {
	runes := []rune(s)
	n := int64(len(runes))
	if first < 0 || last < 0 {
		return types.NewErr("mask takes how many characters to keep, not less than 0")
	}
	if first >= n || last >= n || first+last >= n {
		first, last = 0, 0
	}
	return types.String(string(runes[:first]) + strings.Repeat("*", int(n-first-last)) + string(runes[n-last:]))
}
