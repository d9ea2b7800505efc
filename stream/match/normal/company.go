package normal

import "strings"

// Company is the core of a company's name: folded, without legal form and stop
// words. A name of nothing else stays as it is.
func Company(s string) string {
	text := Fold(strings.NewReplacer("&", " and ", "+", " and ", ".", "").Replace(cut(s)))
	if core := without(text, forms, stops); len(core) > 0 {
		return strings.Join(core, " ")
	}
	return text
}

var (
	forms = set(`ltd limited plc llc llp lp inc incorporated corp corporation co company gmbh mbh ag kg kgaa ohg ug se ev gbr haftungsbeschrankt
		sa sarl sas sasu snc eurl scs bv nv vof cv srl spa sapa snc sl slu scl oy oyj ab as asa aps hf ehf oo zoo sp spzoo sro as doo dd ad ead ood
		eood kft zrt nyrt bt ooo oao zao pao pjsc ojsc tov kk yk gk pty pte sdn bhd pvt cc pc pa ltda eireli cia sac saa sae wll fzco fze jsc lda`)
	stops = set(`the and of und et y e de la le les der die das group gruppe groupe grupo gruppo holding holdings international intl`)
)
