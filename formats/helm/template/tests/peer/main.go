// The real text/template: one JSON question per line, one JSON answer per line.
//
// Strings of bytes travel as text with one character per byte, so that any byte may stand in them.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"text/template"
	"time"
)

type question struct {
	Files   [][2]string     `json:"files"`
	Run     string          `json:"run"`
	Data    json.RawMessage `json:"data"`
	Missing string          `json:"missing"`
	// Repeat asks how long it takes: so many times, parsed once or each time.
	Repeat int `json:"repeat"`
}

type answer struct {
	Out   string `json:"out"`
	Err   string `json:"err"`
	Class string `json:"class"`
	// Nanos are of all repetitions: of parsing, and of executing.
	Nanos [2]int64 `json:"nanos"`
}

func decode(text string) string {
	var out []byte
	for _, char := range text {
		out = append(out, byte(char))
	}
	return string(out)
}

func encode(text string) string {
	out := make([]rune, len(text))
	for at := 0; at < len(text); at++ {
		out[at] = rune(text[at])
	}
	return string(out)
}

// value reads {"TYPE": CONTENT}, and null.
func value(raw json.RawMessage) any {
	if string(raw) == "null" {
		return nil
	}
	var tagged map[string]json.RawMessage
	check(json.Unmarshal(raw, &tagged))
	for tag, content := range tagged {
		return typed(tag, content)
	}
	panic("no tag")
}

func typed(tag string, content json.RawMessage) any {
	var text string
	switch tag {
	case "list":
		var raws []json.RawMessage
		check(json.Unmarshal(content, &raws))
		out := make([]any, 0, len(raws))
		for _, raw := range raws {
			out = append(out, value(raw))
		}
		return out
	case "strings":
		var raws []string
		check(json.Unmarshal(content, &raws))
		out := make([]string, 0, len(raws))
		for _, raw := range raws {
			out = append(out, decode(raw))
		}
		return out
	case "map":
		var raws map[string]json.RawMessage
		check(json.Unmarshal(content, &raws))
		out := map[string]any{}
		for key, raw := range raws {
			out[decode(key)] = value(raw)
		}
		return out
	case "strmap":
		var raws map[string]string
		check(json.Unmarshal(content, &raws))
		out := map[string]string{}
		for key, raw := range raws {
			out[decode(key)] = decode(raw)
		}
		return out
	}
	check(json.Unmarshal(content, &text))
	switch tag {
	case "bool":
		return text == "true"
	case "string":
		return decode(text)
	case "bytes":
		return []byte(decode(text))
	case "float64":
		float, err := strconv.ParseFloat(text, 64)
		check(err)
		return float
	case "uint", "uint8", "uint32", "uint64":
		number, err := strconv.ParseUint(text, 10, 64)
		check(err)
		return map[string]any{"uint": uint(number), "uint8": uint8(number), "uint32": uint32(number), "uint64": number}[tag]
	}
	number, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return map[string]any{"int": int(number), "int32": int32(number), "int64": number}[tag]
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// upper is the same on both sides for any bytes.
func upper(text string) string {
	out := []byte(text)
	for at, char := range out {
		if 'a' <= char && char <= 'z' {
			out[at] -= 'a' - 'A'
		}
	}
	return string(out)
}

func functions(set *template.Template) template.FuncMap {
	return template.FuncMap{
		"upper":  upper,
		"add":    func(one, other int) int { return one + other },
		"add64":  func(one, other int64) int64 { return one + other },
		"half":   func(value float64) float64 { return value / 2 },
		"yes":    func(value bool) string { return map[bool]string{true: "yes", false: "no"}[value] },
		"list":   func(items ...any) []any { return append([]any{}, items...) },
		"words":  func(items ...string) []string { return append([]string{}, items...) },
		"count":  func(items []any) int { return len(items) },
		"join":   func(glue string, items []string) string { return strings.Join(items, glue) },
		"typeOf": func(value any) string { return fmt.Sprintf("%T", value) },
		"fail":   func(text string) (string, error) { return "", errors.New(text) },
		"id":     func(value any) any { return value },
		"answer": func() int { return 42 },
		"dict": func(items ...any) (map[string]any, error) {
			if len(items)%2 != 0 {
				return nil, errors.New("odd")
			}
			out := map[string]any{}
			for at := 0; at < len(items); at += 2 {
				out[fmt.Sprint(items[at])] = items[at+1]
			}
			return out, nil
		},
		"set": func(target map[string]any, key string, item any) map[string]any {
			target[key] = item
			return target
		},
		"keys": func(target map[string]any) []string {
			out := []string{}
			for key := range target {
				out = append(out, key)
			}
			sort.Strings(out)
			return out
		},
		"include": func(name string, data any) (string, error) {
			var out bytes.Buffer
			err := set.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
	}
}

func ask(q question) (out answer) {
	set := template.New("gotpl")
	set.Funcs(functions(set)).Option("missingkey=" + q.Missing)
	for _, file := range q.Files {
		if _, err := set.New(file[0]).Parse(decode(file[1])); err != nil {
			return answer{Err: encode(err.Error()), Class: "parse"}
		}
	}
	if q.Repeat > 0 {
		out.Nanos = measure(q, set)
	}
	var text bytes.Buffer
	if err := set.ExecuteTemplate(&text, q.Run, value(q.Data)); err != nil {
		return answer{Err: encode(err.Error()), Class: "exec"}
	}
	out.Out = encode(text.String())
	return out
}

func measure(q question, set *template.Template) (nanos [2]int64) {
	data := value(q.Data)
	start := time.Now()
	for range q.Repeat {
		again := template.New("gotpl")
		again.Funcs(functions(again))
		for _, file := range q.Files {
			_, err := again.New(file[0]).Parse(file[1])
			check(err)
		}
	}
	parsed := time.Now()
	for range q.Repeat {
		check(set.ExecuteTemplate(&bytes.Buffer{}, q.Run, data))
	}
	return [2]int64{parsed.Sub(start).Nanoseconds(), time.Since(parsed).Nanoseconds()}
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		check(json.Unmarshal(line, &q))
		text, err := json.Marshal(ask(q))
		check(err)
		out.Write(append(text, '\n'))
		out.Flush()
	}
}
