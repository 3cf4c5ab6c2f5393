package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/Masterminds/semver/v3"
	"sigs.k8s.io/yaml"
	pretty "sigs.k8s.io/yaml/goyaml.v3"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// yamls asks for texts to be read and values to be written, as templates do it.
type yamls struct {
	// Texts that `fromYaml` reads (a map), ...
	Maps []text `json:"maps"`
	// ... that stand alone for any value, ...
	Anything []text `json:"anything"`
	// ... and files of values, of one or several documents.
	Values []text `json:"values"`
	// Values that `toYaml` and `toYamlPretty` write. A number is a float64, unless it has neither a point nor an
	// exponent and `ints` is set.
	Dump []json.RawMessage `json:"dump"`
	Ints bool              `json:"ints"`
}

type read struct {
	Value any   `json:"value"`
	Error *text `json:"error,omitempty"`
}

type written struct {
	Plain  *text `json:"plain"`
	Pretty *text `json:"pretty"`
}

func codec(question []byte) (any, error) {
	var in yamls
	if err := json.Unmarshal(question, &in); err != nil {
		return nil, failed("question", err)
	}
	out := map[string]any{}
	out["maps"] = each(in.Maps, func(it text) read {
		value := map[string]any{}
		return readOf(value, yaml.Unmarshal([]byte(it), &value))
	})
	out["anything"] = each(in.Anything, func(it text) read {
		var value any
		err := yaml.Unmarshal([]byte(it), &value)
		return readOf(value, err)
	})
	out["values"] = each(in.Values, func(it text) read {
		value, err := loader.LoadValues(strings.NewReader(string(it)))
		return readOf(value, err)
	})
	out["dump"] = each(in.Dump, func(it json.RawMessage) written { return in.write(it) })
	return out, nil
}

func each[In, Out any](all []In, ask func(In) Out) []Out {
	out := make([]Out, 0, len(all))
	for _, it := range all {
		out = append(out, ask(it))
	}
	return out
}

func readOf(value any, err error) read {
	if err != nil {
		message := text(err.Error())
		return read{Error: &message}
	}
	return read{Value: value}
}

func (in yamls) write(it json.RawMessage) (out written) {
	decoder := json.NewDecoder(bytes.NewReader(it))
	if in.Ints {
		decoder.UseNumber()
	}
	var value any
	if decoder.Decode(&value) != nil {
		return out
	}
	value = whole(value)
	if plain, err := yaml.Marshal(value); err == nil {
		found := text(strings.TrimSuffix(string(plain), "\n"))
		out.Plain = &found
	}
	var buffer bytes.Buffer
	encoder := pretty.NewEncoder(&buffer)
	encoder.SetIndent(2)
	if encoder.Encode(value) == nil {
		found := text(strings.TrimSuffix(buffer.String(), "\n"))
		out.Pretty = &found
	}
	return out
}

// whole makes int64 of the numbers that are written as one, float64 of the others.
func whole(value any) any {
	switch it := value.(type) {
	case json.Number:
		if number, err := it.Int64(); err == nil {
			return number
		}
		number, _ := it.Float64()
		return number
	case map[string]any:
		for key := range it {
			it[key] = whole(it[key])
		}
	case []any:
		for at := range it {
			it[at] = whole(it[at])
		}
	}
	return value
}

// versions answers ["satisfies", CONSTRAINT, VERSION], ["compare", A, B] and ["normal", VERSION]; null is an error.
func versions(question []byte) (any, error) {
	var in struct {
		Questions [][]string `json:"questions"`
	}
	if err := json.Unmarshal(question, &in); err != nil {
		return nil, failed("question", err)
	}
	return each(in.Questions, compare), nil
}

func compare(words []string) any {
	var parsed []*semver.Version
	for _, word := range words[1:] {
		version, _ := semver.NewVersion(word)
		parsed = append(parsed, version)
	}
	last := parsed[len(parsed)-1]
	switch {
	case last == nil:
		return nil
	case words[0] == "normal":
		return last.String()
	case words[0] == "compare" && parsed[0] != nil:
		return parsed[0].Compare(last)
	case words[0] == "satisfies":
		if constraint, err := semver.NewConstraint(words[1]); err == nil {
			return constraint.Check(last)
		}
	}
	return nil
}
