// A peer for the tests: the real sprig, with the versions of what it needs that Helm 4.3.0 pins.
//
// Each line of the input is `["function", argument, ...]`, each line of the output what the real function
// gives when a template calls it: `{"out": value}` or `{"error": text}`.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"
	"github.com/Masterminds/sprig/v3"
	"golang.org/x/crypto/bcrypt"
)

// typed are the constructors of arguments that JSON has no spelling for: `{"$int64": "7"}`.
var typed map[string]func(any) any

func init() {
	typed = map[string]func(any) any{
		"$bytes":   func(v any) any { return string(decode64(v.(string))) },
		"$int32":   func(v any) any { return int32(integer(v)) },
		"$int64":   func(v any) any { return integer(v) },
		"$uint32":  func(v any) any { return uint32(integer(v)) },
		"$uint8":   func(v any) any { return uint8(integer(v)) },
		"$uint64":  func(v any) any { n, _ := strconv.ParseUint(v.(string), 10, 64); return n },
		"$float":   func(v any) any { n, _ := strconv.ParseFloat(v.(string), 64); return n },
		"$unix":    func(v any) any { return time.Unix(integer(v), 0).UTC() },
		"$semver":  func(v any) any { return semver.MustParse(v.(string)) },
		"$strings": func(v any) any { return each(v, func(it any) string { return read(it).(string) }) },
		"$ints":    func(v any) any { return each(v, func(it any) int { return read(it).(int) }) },
		"$texts": func(v any) any {
			out := map[string]string{}
			for key, value := range v.(map[string]any) {
				out[key] = read(value).(string)
			}
			return out
		},
		"$map": func(v any) any {
			out := map[string]any{}
			for _, pair := range v.([]any) {
				out[read(pair.([]any)[0]).(string)] = read(pair.([]any)[1])
			}
			return out
		},
	}
}

func each[T any](list any, one func(any) T) []T {
	out := []T{}
	for _, it := range list.([]any) {
		out = append(out, one(it))
	}
	return out
}

func integer(v any) int64 {
	n, err := strconv.ParseInt(v.(string), 10, 64)
	must(err)
	return n
}

func decode64(text string) []byte {
	out, err := base64.StdEncoding.DecodeString(text)
	must(err)
	return out
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// read makes an argument: numbers with a dot or an exponent are float64, others int.
func read(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, err := v.Float64()
			must(err)
			return f
		}
		return int(integer(v.String()))
	case []any:
		return each(v, read)
	case map[string]any:
		for name, value := range v {
			if make := typed[name]; make != nil {
				return make(value)
			}
		}
		out := map[string]any{}
		for key, value := range v {
			out[key] = read(value)
		}
		return out
	}
	return v
}

// write spells a value with its type.
func write(v any) any {
	r := reflect.ValueOf(v)
	if t, ok := v.(time.Time); ok {
		return map[string]any{"time": t.Format("2006-01-02T15:04:05.999999999-07:00 MST")}
	}
	switch r.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.String:
		return text(r.String())
	case reflect.Bool:
		return r.Bool()
	case reflect.Int, reflect.Int32, reflect.Int64:
		return map[string]any{r.Type().String(): strconv.FormatInt(r.Int(), 10)}
	case reflect.Uint8, reflect.Uint64:
		return map[string]any{r.Type().String(): strconv.FormatUint(r.Uint(), 10)}
	case reflect.Float64:
		return map[string]any{"float64": strconv.FormatFloat(r.Float(), 'g', -1, 64)}
	case reflect.Slice:
		items := []any{}
		for i := 0; i < r.Len(); i++ {
			items = append(items, write(r.Index(i).Interface()))
		}
		return map[string]any{r.Type().String(): items}
	case reflect.Map:
		keys := []string{}
		for _, key := range r.MapKeys() {
			keys = append(keys, key.String())
		}
		sort.Strings(keys)
		entries := []any{}
		for _, key := range keys {
			entries = append(entries, []any{text(key), write(r.MapIndex(reflect.ValueOf(key)).Interface())})
		}
		return map[string]any{r.Type().String(): entries}
	}
	return map[string]any{r.Type().String(): fmt.Sprint(v)}
}

func text(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return map[string]any{"bytes": base64.StdEncoding.EncodeToString([]byte(s))}
}

// ask calls a function from a template, so that Go's own rules for arguments hold.
func ask(call []any) (answer map[string]any) {
	functions := sprig.TxtFuncMap()
	var out any
	functions["out"] = func(v any) string { out = v; return "" }
	functions["checkHash"] = func(hash, password string) bool {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	name := call[0].(string)
	source := "{{ " + name
	for i := range call[1:] {
		source += fmt.Sprintf(" (index . %d)", i)
	}
	parsed, err := template.New("t").Funcs(functions).Parse(source + " | out }}")
	if err == nil {
		err = parsed.Execute(&bytes.Buffer{}, each(call[1:], read))
	}
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"out": write(out)}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		var call []any
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		must(decoder.Decode(&call))
		must(encoder.Encode(ask(call)))
	}
	must(lines.Err())
}
