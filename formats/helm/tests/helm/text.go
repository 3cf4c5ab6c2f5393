package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"sort"
	"strings"
	"unicode/utf8"
)

// text is a string of bytes: a string of JSON where it is UTF-8, otherwise {"base64": "..."}.
type text string

func (t text) MarshalJSON() ([]byte, error) {
	if !utf8.ValidString(string(t)) {
		return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(t))})
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(string(t))
	return out.Bytes(), err
}

func (t *text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	var wrapped struct {
		Base64 []byte `json:"base64"`
	}
	err := json.Unmarshal(data, &wrapped)
	*t = text(wrapped.Base64)
	return err
}

// warned gathers what Helm says aside. It walks over maps of Go, so the order is that of the text.
type warned struct{ bytes.Buffer }

var warnings warned

func (w *warned) lines() []text {
	lines := strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
	sort.Strings(lines)
	found := []text{}
	for _, line := range lines {
		if line != "" {
			found = append(found, text(line))
		}
	}
	return found
}
