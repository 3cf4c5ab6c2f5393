package main

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/sprig/v3"
)

// evaluation asks for templates one by one. Each is the only file of a chart, beside the files that all share, and
// sees values that no other one changed.
type evaluation struct {
	inputs
	Templates []text `json:"templates"`
}

type outcome struct {
	Out   *text    `json:"out,omitempty"`
	Error *failure `json:"error,omitempty"`
}

const only = "templates/it.yaml"

func evaluate(question []byte) (any, error) {
	var in evaluation
	if err := json.Unmarshal(question, &in); err != nil {
		return nil, failed("question", err)
	}
	answers := make([]outcome, 0, len(in.Templates))
	for _, it := range in.Templates {
		files := map[string]text{"Chart.yaml": "apiVersion: v2\nname: t\nversion: 0.1.0\nappVersion: '1.0'\n"}
		maps.Copy(files, in.Chart.Files)
		files[only] = it
		out, err := in.alone(source{Files: files})
		if err != nil {
			known := err.(failure)
			answers = append(answers, outcome{Error: &known})
			continue
		}
		answers = append(answers, outcome{Out: &out})
	}
	return answers, nil
}

// alone renders a chart and gives its one file.
func (in evaluation) alone(from source) (text, error) {
	values, err := in.values()
	if err != nil {
		return "", failed("values", err)
	}
	loaded, err := from.load()
	if err != nil {
		return "", failed("load", err)
	}
	prepared, err := in.prepare(loaded, values)
	if err != nil {
		return "", err
	}
	files, err := execute(loaded, prepared)
	return text(files[path.Join(loaded.Name(), only)]), err
}

// Functions of Go, and those that Helm adds to sprig.
var others = strings.Fields(`and call html index slice js len not or print printf println urlquery eq ge gt le lt ne
	break continue toToml mustToToml fromToml toYaml mustToYaml toYamlPretty fromYaml fromYamlArray toJson mustToJson
	fromJson fromJsonArray include tpl required lookup mustToDuration durationSeconds durationMilliseconds
	durationMicroseconds durationNanoseconds durationMinutes durationHours durationDays durationWeeks durationRoundTo
	durationTruncateTo env expandenv`)

// functions gives the names that a template may call: the candidates that are no error when a template is parsed.
func functions([]byte) (any, error) {
	names := others
	for name := range sprig.TxtFuncMap() {
		names = append(names, name)
	}
	slices.Sort(names)
	known := []string{}
	for _, name := range slices.Compact(names) {
		word := "{{ if false }}{{ " + name + " }}{{ end }}"
		if name == "break" || name == "continue" {
			continue
		}
		_, err := evaluation{}.alone(source{Files: map[string]text{
			"Chart.yaml": "apiVersion: v2\nname: t\nversion: 0.1.0\n", only: text(word),
		}})
		if err == nil {
			known = append(known, name)
		}
	}
	return known, nil
}

// capabilities gives what `helm template` says of a cluster that it does not ask.
func capabilities(question []byte) (any, error) {
	var in inputs
	if err := json.Unmarshal(question, &in); err != nil {
		return nil, failed("question", err)
	}
	caps, err := in.cluster()
	if err != nil {
		return nil, failed("kube-version", err)
	}
	return map[string]any{
		"kube_version": caps.KubeVersion.Version, "normal": caps.KubeVersion.String(),
		"major": caps.KubeVersion.Major, "minor": caps.KubeVersion.Minor,
		"api_versions": caps.APIVersions, "helm_version": caps.HelmVersion.Version,
	}, nil
}

// coalesce gives the values that templates would see, without rendering any.
func coalesce(question []byte) (any, error) {
	var in inputs
	if err := json.Unmarshal(question, &in); err != nil {
		return nil, failed("question", err)
	}
	values, err := in.values()
	if err != nil {
		return nil, failed("values", err)
	}
	loaded, err := in.Chart.load()
	if err != nil {
		return nil, failed("load", err)
	}
	prepared, err := in.prepare(loaded, values)
	if err != nil {
		return nil, err
	}
	seen, err := prepared.Table("Values")
	if err != nil {
		return nil, failed("values", err)
	}
	enabled := []string{}
	for _, it := range loaded.Dependencies() {
		enabled = append(enabled, it.Name())
	}
	slices.Sort(enabled)
	return map[string]any{"values": seen, "charts": enabled, "warnings": warnings.lines()}, nil
}
