// Package measure compares and encodes short texts: names, numbers, codes.
//
//	JaroWinkler, Jaro      how alike two names are, 0 to 1
//	Distance               optimal string alignment: edits and swaps of neighbours
//	Soundex, NYSIIS        what a name sounds like, for blocking
//	Jaccard, MinHash       how many q-grams two longer texts share
//
// All work on ASCII and on other scripts alike, without allocating. Texts longer
// than [Longest] characters are compared by their beginnings: what a hostile
// record costs is bounded.
//
// Sources: M. A. Jaro, "Advances in record linkage methodology", JASA 84 (1989);
// W. E. Winkler, "String comparator metrics and enhanced decision rules in the
// Fellegi-Sunter model" (1990); F. J. Damerau, "A technique for computer
// detection and correction of spelling errors", CACM 7 (1964), in the restricted
// form; R. C. Russell's patent 1,261,167 (1918) as the US National Archives use
// it; R. L. Taft, "Name search techniques" (1970); A. Broder, "On the resemblance
// and containment of documents" (1997).
package measure
