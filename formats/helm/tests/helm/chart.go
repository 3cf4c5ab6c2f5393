package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"
)

// source is a chart: a folder or an archive at a path, or files by name, which no .helmignore filters.
type source struct {
	Path  string          `json:"path"`
	Files map[string]text `json:"files"`
}

// load reads the chart anew: rendering changes it.
func (s source) load() (*chart.Chart, error) {
	if s.Path != "" {
		return loader.Load(s.Path)
	}
	var files []*archive.BufferedFile
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		data := bytes.TrimPrefix([]byte(s.Files[name]), []byte("\xef\xbb\xbf"))
		files = append(files, &archive.BufferedFile{Name: name, Data: data})
	}
	return loader.LoadFiles(files)
}

// inputs is everything that a chart may see.
type inputs struct {
	Chart source `json:"chart"`
	// Texts of YAML, one over the other as with --values, then --set-json, --set, --set-string.
	Values    []text   `json:"values"`
	SetJSON   []string `json:"set_json"`
	Set       []string `json:"set"`
	SetString []string `json:"set_string"`
	Release   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		Upgrade   bool   `json:"upgrade"`
		Revision  int    `json:"revision"`
	} `json:"release"`
	KubeVersion string   `json:"kube_version"`
	APIVersions []string `json:"api_versions"`
	// "template", the default: what `helm template` knows, and the given ones after it. "given": these alone.
	APIMode    string `json:"api_mode"`
	CRDs       bool   `json:"crds"`
	SkipSchema bool   `json:"skip_schema"`
}

// values merges what the user gave, in the order of the command line's own (pkg/cli/values).
func (in inputs) values() (map[string]any, error) {
	base := map[string]any{}
	for _, given := range in.Values {
		read, err := loader.LoadValues(strings.NewReader(string(given)))
		if err != nil {
			return nil, err
		}
		base = loader.MergeMaps(base, read)
	}
	for _, given := range in.SetJSON {
		if !strings.HasPrefix(strings.TrimSpace(given), "{") {
			if err := strvals.ParseJSON(given, base); err != nil {
				return nil, err
			}
			continue
		}
		var read map[string]any
		if err := json.Unmarshal([]byte(given), &read); err != nil {
			return nil, err
		}
		base = loader.MergeMaps(base, read)
	}
	for _, given := range in.Set {
		if err := strvals.ParseInto(given, base); err != nil {
			return nil, err
		}
	}
	for _, given := range in.SetString {
		if err := strvals.ParseIntoString(given, base); err != nil {
			return nil, err
		}
	}
	return base, nil
}

// cluster gives the capabilities. What a build of Helm says of itself is that of the released program.
func (in inputs) cluster() (*common.Capabilities, error) {
	caps := common.DefaultCapabilities.Copy()
	caps.HelmVersion.Version = helmVersion()
	caps.HelmVersion.GitCommit = ""
	caps.HelmVersion.GitTreeState = "clean"
	caps.HelmVersion.GoVersion = "go1.26"
	if in.KubeVersion != "" {
		version, err := common.ParseKubeVersion(in.KubeVersion)
		if err != nil {
			return nil, err
		}
		caps.KubeVersion = *version
	}
	switch in.APIMode {
	case "", "template":
		caps.APIVersions = append(slices.Clone(caps.APIVersions), in.APIVersions...)
	case "given":
		caps.APIVersions = in.APIVersions
	default:
		return nil, fmt.Errorf("no mode %q", in.APIMode)
	}
	return caps, nil
}

// helmVersion is the version of the linked module.
func helmVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "helm.sh/helm/v4" {
			return module.Version
		}
	}
	panic("Helm is not linked")
}

// options are those of an installation; `helm template` has revision 1 also for an upgrade.
func (in inputs) options() common.ReleaseOptions {
	options := common.ReleaseOptions{
		Name:      in.Release.Name,
		Namespace: in.Release.Namespace,
		Revision:  max(in.Release.Revision, 1),
		IsInstall: !in.Release.Upgrade,
		IsUpgrade: in.Release.Upgrade,
	}
	if options.Name == "" {
		options.Name = "release-name"
	}
	if options.Namespace == "" {
		options.Namespace = "default"
	}
	return options
}

// installable is what the commands ask of a chart before they render it (pkg/cmd/install.go).
func installable(c *chart.Chart) error {
	if kind := c.Metadata.Type; kind != "" && kind != "application" {
		return fmt.Errorf("%s charts are not installable", kind)
	}
	var missing []string
	for _, wanted := range c.Metadata.Dependencies {
		has := func(it *chart.Chart) bool { return it.Name() == wanted.Name }
		if !slices.ContainsFunc(c.Dependencies(), has) {
			missing = append(missing, wanted.Name)
		}
	}
	if len(missing) > 0 {
		return errors.New("missing in charts/: " + strings.Join(missing, ", "))
	}
	return nil
}
