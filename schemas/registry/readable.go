package registry

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The verbose messages of Confluent's registry are objects in words:
//
//	{errorType:'TYPE_MISMATCH', description:'The type (path '/fields/2/type/1') of
//	a field in the new schema does not match with the old schema',
//	additionalInfo:'reader type: STRING not compatible with writer type: DOUBLE'}
//
// followed by some that only repeat the old schema and the setting.
var (
	verboseMessage = regexp.MustCompile(`(?s)errorType:\s*["']?(\w+)["']?.*?description:\s*["'](.*?)["'],\s*additionalInfo:\s*["'](.*?)["']\s*\}?\s*$`)
	schemaPath     = regexp.MustCompile(`/fields/\d+[/\w]*`)
	noise          = regexp.MustCompile(`^\{?\s*(oldSchema|oldSchemaVersion|validateFields|compatibility)\b`)
)

// readable turns the messages of a registry into reasons that name the field.
// Messages of no known form are passed on as they are.
func readable(messages []string, schema string) []string {
	var reasons []string
	for _, m := range messages {
		m = strings.TrimSpace(m)
		if m == "" || noise.MatchString(m) {
			continue
		}
		if parts := verboseMessage.FindStringSubmatch(m); parts != nil {
			m = explain(parts[1], parts[2], parts[3], schema)
		}
		reasons = append(reasons, m)
	}
	return reasons
}

func explain(reason, description, info, schema string) string {
	text := fmt.Sprintf("%s (%s)", description, reason)
	if info != "" {
		text = fmt.Sprintf("%s (%s: %s)", description, reason, info)
	}
	// A path counts in the reader's schema, and only the new schema is at hand.
	if !strings.Contains(description, "in the new schema") {
		return text
	}
	if field := fieldAt(schema, schemaPath.FindString(description)); field != "" {
		return fmt.Sprintf("field %q: %s", field, text)
	}
	return text
}

// fieldAt names the field that a path such as /fields/2/type/1/fields/0 leads
// to: "address.street". Empty: it leads nowhere.
func fieldAt(schema, path string) string {
	var at any
	if path == "" || json.Unmarshal([]byte(schema), &at) != nil {
		return ""
	}
	var names []string
	list := "" // the member whose items the next number counts
	for step := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		switch v := at.(type) {
		case map[string]any:
			at, list = v[step], step
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return strings.Join(names, ".")
			}
			at = v[i]
			if f, ok := at.(map[string]any); ok && list == "fields" {
				name, _ := f["name"].(string)
				names = append(names, name)
			}
			list = ""
		default:
			return strings.Join(names, ".")
		}
	}
	return strings.Join(names, ".")
}
