// The peer of the tests: what Helm's own YAML libraries make of a text or a value.
//
// One request a line, one answer a line, both JSON. With the argument `table` each line is the request with its answer:
//
//	go run . table <../load.jsonl >new
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	v3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

type request struct {
	Op string `json:"op"`
	// What is read: as text, or as base64 if it is no UTF-8.
	Text  string `json:"text,omitempty"`
	Bytes []byte `json:"bytes,omitempty"`
	// What is written.
	JSON json.RawMessage `json:"json,omitempty"`
}

type answer struct {
	JSON  json.RawMessage `json:"json,omitempty"`
	Text  string          `json:"text,omitempty"`
	Error string          `json:"error,omitempty"`
}

type row struct {
	request
	Says answer `json:"says"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		says := respond(asked)
		var answered interface{} = says
		if len(os.Args) > 1 && os.Args[1] == "table" {
			answered = row{asked, says}
		}
		if err := encoder.Encode(answered); err != nil {
			panic(err)
		}
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}

func respond(asked request) (said answer) {
	defer func() {
		if it := recover(); it != nil {
			said = answer{Error: fmt.Sprintf("panic: %v", it)}
		}
	}()
	var err error
	text := asked.Bytes
	if text == nil {
		text = []byte(asked.Text)
	}
	switch asked.Op {
	case "load":
		var value interface{}
		err = yaml.Unmarshal(text, &value)
		said.JSON = encode(value)
	case "load_map":
		value := map[string]interface{}{}
		err = yaml.Unmarshal(text, &value)
		said.JSON = encode(value)
	case "load_list":
		value := []interface{}{}
		err = yaml.Unmarshal(text, &value)
		said.JSON = encode(value)
	case "load_typed":
		said.JSON, err = yaml.YAMLToJSON(text)
	case "dump":
		var written []byte
		written, err = yaml.Marshal(decode(asked.JSON))
		said.Text = string(written)
	case "pretty":
		var written bytes.Buffer
		encoder := v3.NewEncoder(&written)
		encoder.SetIndent(2)
		err = encoder.Encode(decode(asked.JSON))
		said.Text = written.String()
	default:
		panic("unknown operation " + asked.Op)
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	return said
}

func encode(value interface{}) json.RawMessage {
	bytes, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return bytes
}

// decode keeps integers apart from floats: a number with a point or an exponent is a float64, any other an int64 or
// uint64. {"\u0000bytes": "…"} stands for a string of any bytes, in base64.
func decode(text json.RawMessage) interface{} {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value interface{}
	if err := decoder.Decode(&value); err != nil {
		panic(err)
	}
	return typed(value)
}

func typed(value interface{}) interface{} {
	switch it := value.(type) {
	case json.Number:
		return number(it.String())
	case []interface{}:
		for i := range it {
			it[i] = typed(it[i])
		}
	case map[string]interface{}:
		if raw, ok := it["\x00bytes"]; ok {
			var bytes []byte
			quoted, _ := json.Marshal(raw)
			if err := json.Unmarshal(quoted, &bytes); err != nil {
				panic(err)
			}
			return string(bytes)
		}
		for key := range it {
			it[key] = typed(it[key])
		}
	}
	return value
}

func number(text string) interface{} {
	if !bytes.ContainsAny([]byte(text), ".eE") {
		var signed int64
		if json.Unmarshal([]byte(text), &signed) == nil {
			return signed
		}
		var unsigned uint64
		if json.Unmarshal([]byte(text), &unsigned) == nil {
			return unsigned
		}
	}
	var float float64
	if err := json.Unmarshal([]byte(text), &float); err != nil {
		panic(err)
	}
	return float
}
