package server

import (
	"fmt"
	"strings"
	"testing"
)

// schema is a register request of a record R with the fields.
func schema(fields string) string {
	return fmt.Sprintf(`{"schema":%q}`, `{"type":"record","name":"R","fields":[`+fields+`]}`)
}

const (
	fieldA  = `{"name":"a","type":"int"}`
	fieldB  = `{"name":"b","type":"int"}`
	fieldB0 = `{"name":"b","type":"int","default":0}`
)

func TestSubjects(t *testing.T) {
	s := start(t, broker(t))
	expect(t, s, "GET /", "", 200, `{}`)
	expect(t, s, "GET /schemas/types", "", 200, `["AVRO"]`)
	expect(t, s, "GET /subjects", "", 200, `[]`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA), 200, `{"id":1}`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA), 200, `{"id":1}`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA+","+fieldB0), 200, `{"id":2}`)
	expect(t, s, "POST /subjects/a%2Fb/versions", schema(fieldA), 200, `{"id":1}`)
	expect(t, s, "POST /subjects/a%2Fb/versions", `{"schema":"{\"name\":\"R\", \"type\":\"record\", \"fields\":[{\"type\":\"int\",\"name\":\"a\"}]}"}`, 200, `{"id":1}`)

	text := `"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"`
	expect(t, s, "GET /subjects", "", 200, `["a/b","s"]`)
	expect(t, s, "GET /subjects?subjectPrefix=a", "", 200, `["a/b"]`)
	expect(t, s, "GET /subjects/s/versions", "", 200, `[1,2]`)
	expect(t, s, "GET /subjects/s/versions/1", "", 200, `{"subject":"s","version":1,"id":1,"schema":`+text+`}`)
	expect(t, s, "GET /subjects/a%2Fb/versions/latest", "", 200, `{"subject":"a/b","version":1,"id":1,"schema":`+text+`}`)
	expect(t, s, "GET /subjects/s/versions/1/schema", "", 200, `{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}`)
	expect(t, s, "POST /subjects/s", schema(fieldA), 200, `{"subject":"s","version":1,"id":1,"schema":`+text+`}`)
	expect(t, s, "GET /schemas/ids/1", "", 200, `{"schema":`+text+`}`)
	expect(t, s, "GET /schemas/ids/1/schema", "", 200, `{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}`)
	expect(t, s, "GET /schemas/ids/1/versions", "", 200, `[{"subject":"a/b","version":1},{"subject":"s","version":1}]`)
	expect(t, s, "GET /schemas/ids/1/subjects", "", 200, `["a/b","s"]`)
}

func TestErrorCodes(t *testing.T) {
	s := start(t, broker(t))
	expect(t, s, "POST /subjects/s/versions", schema(fieldA), 200, `{"id":1}`)
	for _, tc := range []struct {
		request, body string
		status, code  int
	}{
		{"GET /subjects/none/versions", "", 404, 40401},
		{"GET /subjects/none/versions/1", "", 404, 40401},
		{"POST /subjects/none", schema(fieldA), 404, 40401},
		{"DELETE /subjects/none", "", 404, 40401},
		{"GET /subjects/s/versions/2", "", 404, 40402},
		{"DELETE /subjects/s/versions/2", "", 404, 40402},
		{"POST /compatibility/subjects/s/versions/9", schema(fieldA), 404, 40402},
		{"POST /compatibility/subjects/none/versions/latest", schema(fieldA), 404, 40401},
		{"POST /subjects/s", schema(fieldB), 404, 40403},
		{"GET /schemas/ids/9", "", 404, 40403},
		{"GET /schemas/ids/x", "", 404, 40403},
		{"GET /schemas/ids/9/versions", "", 404, 40403},
		{"GET /config/s", "", 404, 40408},
		{"DELETE /config/s", "", 404, 40401},
		{"POST /subjects/s/versions", `{"schema":"{"}`, 422, 42201},
		{"POST /subjects/s/versions", `{"schema":"\"int\"","schemaType":"JSON"}`, 422, 42201},
		{"POST /subjects/s/versions", `{"schema":"\"int\"","references":[{}]}`, 422, 42201},
		{"POST /subjects/s/versions", `{"schema":"\"int\"","id":7}`, 422, 42205},
		{"GET /subjects/s/versions/0", "", 422, 42202},
		{"GET /subjects/s/versions/x", "", 422, 42202},
		{"PUT /config", `{"compatibility":"SIDEWAYS"}`, 422, 42203},
		{"POST /subjects/s/versions", schema(`{"name":"a","type":"string"}`), 409, 409},
		{"POST /subjects/s/versions", `x`, 400, 400},
		{"GET /nothing", "", 404, 404},
		{"POST /subjects/s/versions", `{"schema":"` + strings.Repeat("x", maxBody) + `"}`, 413, 413},
	} {
		status, body := ask(s, tc.request, tc.body)
		if want := fmt.Sprintf(`{"error_code":%d,"message":"`, tc.code); status != tc.status || !strings.HasPrefix(body, want) {
			t.Errorf("%s: got %d %.200s, want %d %s", tc.request, status, body, tc.status, want)
		}
	}
}

func TestCompatibility(t *testing.T) {
	s := start(t, broker(t))
	expect(t, s, "GET /config", "", 200, `{"compatibilityLevel":"BACKWARD"}`)
	expect(t, s, "POST /compatibility/subjects/s/versions", schema(fieldA), 200, `{"is_compatible":true}`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA), 200, `{"id":1}`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA+","+fieldB0), 200, `{"id":2}`)

	// A needed b can be read from version 2 and not from version 1.
	const why = `field \"b\" is in the new schema without a default, and version 1 does not have it (READER_FIELD_MISSING_DEFAULT_VALUE)`
	needsB := schema(fieldA + "," + fieldB)
	expect(t, s, "POST /compatibility/subjects/s/versions/latest?verbose=true", needsB, 200, `{"is_compatible":true}`)
	expect(t, s, "POST /compatibility/subjects/s/versions/1", needsB, 200, `{"is_compatible":false}`)
	expect(t, s, "POST /compatibility/subjects/s/versions/1?verbose=true", needsB, 200, `{"is_compatible":false,"messages":["`+why+`"]}`)

	expect(t, s, "PUT /config/s", `{"compatibility":"backward_transitive"}`, 200, `{"compatibility":"BACKWARD_TRANSITIVE"}`)
	expect(t, s, "GET /config/s", "", 200, `{"compatibilityLevel":"BACKWARD_TRANSITIVE"}`)
	expect(t, s, "POST /compatibility/subjects/s/versions?verbose=true", needsB, 200, `{"is_compatible":false,"messages":["`+why+`"]}`)
	expect(t, s, "POST /subjects/s/versions", needsB, 409,
		`{"error_code":409,"message":"Schema being registered is incompatible with an earlier schema for subject \"s\" (compatibility BACKWARD_TRANSITIVE): `+why+`"}`)

	expect(t, s, "DELETE /config/s", "", 200, `{"compatibilityLevel":"BACKWARD_TRANSITIVE"}`)
	expect(t, s, "GET /config/s?defaultToGlobal=true", "", 200, `{"compatibilityLevel":"BACKWARD"}`)
	expect(t, s, "POST /subjects/s/versions", needsB, 200, `{"id":3}`)

	expect(t, s, "PUT /config", `{"compatibility":"NONE"}`, 200, `{"compatibility":"NONE"}`)
	expect(t, s, "POST /subjects/s/versions", `{"schema":"int"}`, 200, `{"id":4}`)
	expect(t, s, "DELETE /config", "", 200, `{"compatibilityLevel":"NONE"}`)
	expect(t, s, "GET /config", "", 200, `{"compatibilityLevel":"BACKWARD"}`)
}

func TestDelete(t *testing.T) {
	s := start(t, broker(t))
	code := func(request string, status, code int) {
		t.Helper()
		if got, body := ask(s, request, ""); got != status || !strings.Contains(body, fmt.Sprintf(`"error_code":%d,`, code)) {
			t.Errorf("%s: got %d %s, want %d with code %d", request, got, body, status, code)
		}
	}
	expect(t, s, "POST /subjects/s/versions", schema(fieldA), 200, `{"id":1}`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA+","+fieldB0), 200, `{"id":2}`)

	code("DELETE /subjects/s/versions/2?permanent=true", 404, 40407)
	expect(t, s, "DELETE /subjects/s/versions/latest", "", 200, `2`)
	code("DELETE /subjects/s/versions/2", 404, 40406)
	expect(t, s, "GET /subjects/s/versions", "", 200, `[1]`)
	expect(t, s, "GET /subjects/s/versions?deleted=true", "", 200, `[1,2]`)
	code("GET /subjects/s/versions/2", 404, 40402)
	expect(t, s, "GET /schemas/ids/2/schema", "", 200, `{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}`)
	expect(t, s, "POST /subjects/s/versions", schema(fieldA+","+fieldB0), 200, `{"id":2}`)
	expect(t, s, "GET /subjects/s/versions", "", 200, `[1,3]`)
	expect(t, s, "DELETE /subjects/s/versions/2?permanent=true", "", 200, `2`)
	expect(t, s, "GET /subjects/s/versions?deleted=true", "", 200, `[1,3]`)

	code("DELETE /subjects/s?permanent=true", 404, 40405)
	expect(t, s, "DELETE /subjects/s", "", 200, `[1,3]`)
	code("DELETE /subjects/s", 404, 40404)
	expect(t, s, "GET /subjects", "", 200, `[]`)
	expect(t, s, "GET /subjects?deleted=true", "", 200, `["s"]`)
	expect(t, s, "DELETE /subjects/s?permanent=true", "", 200, `[1,3]`)
	expect(t, s, "GET /subjects?deleted=true", "", 200, `[]`)
	code("GET /schemas/ids/1", 404, 40403)
	expect(t, s, "POST /subjects/s/versions", schema(fieldB), 200, `{"id":3}`)
	expect(t, s, "GET /subjects/s/versions", "", 200, `[1]`)
}
