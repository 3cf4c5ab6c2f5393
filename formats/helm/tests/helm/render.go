package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

// document is one of the manifest, in the order of installation.
type document struct {
	Path    text `json:"path"`
	Version text `json:"api_version"`
	Kind    text `json:"kind"`
	Name    text `json:"name"`
	Text    text `json:"text"`
}

type hook struct {
	Path     text     `json:"path"`
	Kind     text     `json:"kind"`
	Name     text     `json:"name"`
	Events   []string `json:"events"`
	Weight   int      `json:"weight"`
	Deletes  []string `json:"delete_policies"`
	Logs     []string `json:"log_policies"`
	Manifest text     `json:"text"`
}

type definition struct {
	Path text `json:"path"`
	Name text `json:"name"`
	Text text `json:"text"`
}

type rendered struct {
	// What `helm template` prints.
	Printed text `json:"printed"`
	// What the record of the release holds.
	Manifest  text            `json:"manifest"`
	Files     map[string]text `json:"files"`
	Documents []document      `json:"documents"`
	Hooks     []hook          `json:"hooks"`
	Notes     text            `json:"notes"`
	CRDs      []definition    `json:"crds"`
	Warnings  []text          `json:"warnings"`
}

// render does what action.Install does for `helm template`, in its order, with the same functions of the library. The
// action itself would link a client of clusters, registries, plugins and a database, and gives neither the text of a
// single file nor a moment to measure.
func render(question []byte) (any, error) {
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
	files, err := execute(loaded, prepared)
	if err != nil {
		return nil, err
	}
	return in.sorted(loaded, files)
}

// prepare gives what templates see.
func (in inputs) prepare(c *chart.Chart, values map[string]any) (common.Values, error) {
	if err := installable(c); err != nil {
		return nil, failed("load", err)
	}
	if err := chartutil.ValidateReleaseName(in.options().Name); err != nil {
		return nil, failed("release", err)
	}
	if err := chartutil.ProcessDependencies(c, values); err != nil {
		return nil, failed("values", err)
	}
	caps, err := in.cluster()
	if err != nil {
		return nil, failed("kube-version", err)
	}
	prepared, err := util.ToRenderValuesWithSchemaValidation(c, values, in.options(), caps, in.SkipSchema)
	if err != nil {
		if strings.HasPrefix(err.Error(), "values don't meet") {
			return nil, failed("schema", err)
		}
		return nil, failed("values", err)
	}
	if wanted := c.Metadata.KubeVersion; wanted != "" {
		if !chartutil.IsCompatibleRange(wanted, caps.KubeVersion.String()) {
			return nil, failed("kube-version", fmt.Errorf("`%s` does not allow `%s`", wanted, caps.KubeVersion.Version))
		}
	}
	return prepared, nil
}

// execute runs all templates.
func execute(c *chart.Chart, prepared common.Values) (map[string]string, error) {
	var plain engine.Engine
	files, err := plain.RenderWithContext(context.Background(), c, prepared)
	return files, failed(classOf(err), err)
}

// classOf tells why the engine gave up: it says so in the first words alone.
func classOf(err error) string {
	if err == nil {
		return ""
	}
	message := err.Error()
	if strings.HasPrefix(message, "parse error") {
		return "parse"
	}
	// What `fail` and `required` say is the whole message; every other one names the action beside it.
	if strings.HasPrefix(message, "execution error at (") {
		return "fail"
	}
	return "exec"
}

// sorted takes the rendered files apart as the action does.
func (in inputs) sorted(c *chart.Chart, files map[string]string) (*rendered, error) {
	out := &rendered{Files: map[string]text{}, Documents: []document{}, Hooks: []hook{}, CRDs: []definition{}}
	for name, content := range files {
		out.Files[name] = text(content)
		if strings.HasSuffix(name, "NOTES.txt") {
			if name == path.Join(c.Name(), "templates", "NOTES.txt") {
				out.Notes = text(content)
			}
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, failed("manifest", err)
	}
	var manifest strings.Builder
	for _, it := range c.CRDObjects() {
		out.CRDs = append(out.CRDs, definition{text(it.Filename), text(it.Name), text(it.File.Data)})
		if in.CRDs {
			fmt.Fprintf(&manifest, "---\n# Source: %s\n%s\n", it.Filename, it.File.Data)
		}
	}
	for _, it := range manifests {
		fmt.Fprintf(&manifest, "---\n# Source: %s\n%s\n", it.Name, it.Content)
		doc := document{Path: text(it.Name), Version: text(it.Head.Version), Kind: text(it.Head.Kind), Text: text(it.Content)}
		if it.Head.Metadata != nil {
			doc.Name = text(it.Head.Metadata.Name)
		}
		out.Documents = append(out.Documents, doc)
	}
	var printed strings.Builder
	fmt.Fprintln(&printed, strings.TrimSpace(manifest.String()))
	for _, it := range hooks {
		fmt.Fprintf(&printed, "---\n# Source: %s\n%s\n", it.Path, it.Manifest)
		out.Hooks = append(out.Hooks, hookOf(it))
	}
	out.Manifest, out.Printed, out.Warnings = text(manifest.String()), text(printed.String()), warnings.lines()
	return out, nil
}

func hookOf(it *release.Hook) hook {
	found := hook{
		Path: text(it.Path), Kind: text(it.Kind), Name: text(it.Name), Manifest: text(it.Manifest), Weight: it.Weight,
		Events: []string{}, Deletes: []string{}, Logs: []string{},
	}
	for _, event := range it.Events {
		found.Events = append(found.Events, event.String())
	}
	for _, policy := range it.DeletePolicies {
		found.Deletes = append(found.Deletes, policy.String())
	}
	for _, policy := range it.OutputLogPolicies {
		found.Logs = append(found.Logs, string(policy))
	}
	return found
}
