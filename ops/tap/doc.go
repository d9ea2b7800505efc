// Package tap reads topics for a person: it decodes what Avro wrote by the
// schema that the record names and gives it back as JSON, one value a line.
//
// What cannot be decoded is shown, never dropped: its bytes in base64, beside
// the reason.
package tap
