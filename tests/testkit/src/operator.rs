//! A chart as large as the largest ones are: over a hundred documents, about 600 kB when it is rendered.
//!
//! Its own files lie in `formats/helm/tests/operator`; rules and dashboards, most of its bytes, are made here, always the
//! same ones. Both are full of what such charts are full of: raw strings, `dig`, versions, `tpl`, labels by `toYaml`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../formats/helm/tests/operator");
const GROUPS: [&str; 8] =
    ["etcd", "general", "k8s", "kubelet", "node", "operator", "prometheus", "alertmanager"];
const RULES: usize = 46;
const DASHBOARDS: usize = 24;
const WORDS: [&str; 24] = [
    "container",
    "memory",
    "usage",
    "rate",
    "request",
    "duration",
    "seconds",
    "bucket",
    "total",
    "node",
    "cpu",
    "pod",
    "namespace",
    "cluster",
    "latency",
    "error",
    "quota",
    "volume",
    "network",
    "bytes",
    "queue",
    "sample",
    "target",
    "scrape",
];

/// The files of the chart, by their names.
pub fn operator_chart() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    gather(Path::new(OWN), "", &mut files);
    let mut dice = Dice(1);
    for number in 0..RULES {
        let group = GROUPS[number % GROUPS.len()];
        files.insert(format!("templates/rules/{group}-{number:02}.yaml"), rules(group, number, &mut dice));
    }
    for number in 0..DASHBOARDS {
        files.insert(format!("templates/dashboards/board-{number:02}.yaml"), dashboard(number, &mut dice));
    }
    files
}

fn gather(folder: &Path, below: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs_err::read_dir(folder).unwrap_or_else(|error| panic!("{error}")) {
        let entry = entry.unwrap_or_else(|error| panic!("{error}"));
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            gather(&entry.path(), &format!("{name}/"), files);
        } else {
            let text = fs_err::read_to_string(entry.path()).unwrap_or_else(|error| panic!("{error}"));
            files.insert(name, text);
        }
    }
}

/// Numbers that look thrown, and are the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }

    /// The name of a metric.
    fn metric(&mut self) -> String {
        format!("{}_{}_{}", self.word(), self.word(), self.word())
    }

    /// A name in capitals, as alerts have one.
    fn alert(&mut self) -> String {
        let capital = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
        format!("{}{}{}", capital(self.word()), capital(self.word()), capital(self.word()))
    }
}

/// Appends a template; whatever stands in it as `@NAME@` is replaced.
fn put(out: &mut String, template: &str, words: &[(&str, &str)]) {
    let mut text = template.to_owned();
    for (name, word) in words {
        text = text.replace(&format!("@{name}@"), word);
    }
    out.push_str(&text);
}

const RULE_HEAD: &str = r#"{{- /* Made by a script. */ -}}
{{- $kubeTargetVersion := default .Capabilities.KubeVersion.GitVersion .Values.kubeTargetVersionOverride }}
{{- if and (semverCompare ">=1.14.0-0" $kubeTargetVersion) (semverCompare "<9.9.9-9" $kubeTargetVersion) .Values.defaultRules.create .Values.defaultRules.rules.@group@ }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ printf "%s-%s" (include "operator.fullname" .) "@group@-@number@" | trunc 63 | trimSuffix "-" }}
  namespace: {{ template "operator.namespace" . }}
  labels:
    app: {{ template "operator.name" . }}
{{ include "operator.labels" . | indent 4 }}
{{- if .Values.defaultRules.labels }}
{{ toYaml .Values.defaultRules.labels | indent 4 }}
{{- end }}
{{- if .Values.defaultRules.annotations }}
  annotations:
{{ toYaml .Values.defaultRules.annotations | indent 4 }}
{{- end }}
spec:
  groups:
  - name: @group@.@number@
    rules:
"#;

const ALERT: &str = r#"{{- if not (.Values.defaultRules.disabled.@alert@ | default false) }}
    - alert: @alert@
      annotations:
{{- if .Values.defaultRules.additionalRuleAnnotations }}
{{ toYaml .Values.defaultRules.additionalRuleAnnotations | indent 8 }}
{{- end }}
        description: '@word@ {{`{{`}} $labels.namespace {{`}}`}}/{{`{{`}} $labels.pod {{`}}`}} ({{`{{`}} $labels.@word@ {{`}}`}}) has been above {{`{{`}} printf "%.2f" $value {{`}}`}}% for longer than expected.'
        runbook_url: {{ .Values.defaultRules.runbookUrl }}/@group@/@lower@
        summary: A @word@ is @word2@.
      expr: |-
        max_over_time(@metric@{job="{{ $.Values.monitors.kubeEtcd.jobLabel }}", namespace=~"{{ $targetNamespace }}", reason=~"A|B.*"}[5m]) >= 1
        and on (namespace, pod, {{ range $.Values.defaultRules.additionalAggregationLabels }}{{ . }},{{ end }} cluster)
        sum by (namespace, pod, cluster) (rate(@metric2@_total{le!="+Inf"}[15m])) / 100 > 0.0@number@
      for: {{ dig "@alert@" "for" "15m" .Values.customRules }}
      {{- with .Values.defaultRules.keepFiringFor }}
      keep_firing_for: "{{ . }}"
      {{- end }}
      labels:
        severity: {{ dig "@alert@" "severity" "@severity@" .Values.customRules }}
      {{- if or .Values.defaultRules.additionalRuleLabels (index (.Values.defaultRules.additionalRuleGroupLabels | default dict) "@group@") }}
        {{- with .Values.defaultRules.additionalRuleLabels }}
          {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
{{- end }}
"#;

const RECORD: &str = r#"    - expr: |-
        sum(rate(@metric@{job="kubelet", metrics_path="/metrics/cadvisor", image!=""}[5m])) by (cluster, namespace, pod)
          * on (cluster, namespace, pod) group_left(node) topk by (cluster, namespace, pod) (
            1, max by (cluster, namespace, pod, node) (@metric2@{node!=""})
          )
      record: @word@:@metric@:sum_irate
      {{- if or .Values.defaultRules.additionalRuleLabels .Values.defaultRules.recordLabels }}
      labels: {{ include "operator.rule.labels" (list . "none") | nindent 8 }}
      {{- end }}
"#;

/// A file of alerts and records.
fn rules(group: &str, number: usize, dice: &mut Dice) -> String {
    let number = format!("{number:02}");
    let mut out = String::new();
    put(&mut out, RULE_HEAD, &[("group", group), ("number", &number)]);
    out = out.replacen(
        "{{- $kube",
        "{{- $targetNamespace := .Values.defaultRules.appNamespacesTarget }}\n{{- $kube",
        1,
    );
    for _ in 0..5 + dice.below(4) {
        let (alert, metric, metric2) = (dice.alert(), dice.metric(), dice.metric());
        let severity = ["warning", "critical", "info"][dice.below(3)];
        let words = [
            ("alert", alert.as_str()),
            ("lower", &alert.to_lowercase()),
            ("group", group),
            ("number", &number),
            ("metric", &metric),
            ("metric2", &metric2),
            ("word", dice.word()),
            ("word2", dice.word()),
            ("severity", severity),
        ];
        put(&mut out, ALERT, &words);
        put(&mut out, RECORD, &words);
    }
    out.push_str("{{- end }}\n");
    out
}

/// A file with a dashboard: one raw string on a line of many kilobytes, values between its parts.
fn dashboard(number: usize, dice: &mut Dice) -> String {
    let mut out = String::new();
    let name = format!("board-{number:02}");
    put(
        &mut out,
        r#"{{- if and .Values.defaultRules.create .Values.dashboards.enabled }}
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: {{ template "operator.namespace" . }}
  name: {{ printf "%s-%s" (include "operator.fullname" $) "@name@" | trunc 63 | trimSuffix "-" }}
  annotations:
{{ toYaml .Values.dashboards.sidecar.dashboards.annotations | indent 4 }}
  labels:
    {{- if $.Values.dashboards.label }}
    {{ $.Values.dashboards.label }}: {{ ternary $.Values.dashboards.labelValue "1" (not (empty $.Values.dashboards.labelValue)) | quote }}
    {{- end }}
    app: {{ template "operator.name" $ }}-grafana
{{ include "operator.labels" $ | indent 4 }}
data:
  @name@.json: |-
    {{`{"annotations":{"list":[]},"editable":true,"panels":["#,
        &[("name", &name)],
    );
    for panel in 0..24 + dice.below(12) {
        let (one, two) = (dice.metric(), dice.metric());
        let comma = if panel == 0 { "" } else { "," };
        write!(
            out,
            r#"{comma}{{"datasource":{{"type":"prometheus","uid":"${{datasource}}"}},"fieldConfig":{{"defaults":{{"custom":{{"fillOpacity":{panel}}},"unit":"short"}}}},"gridPos":{{"h":7,"w":12,"x":{},"y":{}}},"id":{panel},"targets":[{{"expr":"histogram_quantile(0.99, sum(rate({one}_bucket{{cluster=~\"$cluster\", instance=~\"$instance\"}}[$__rate_interval])) by (le, {}))","legendFormat":"{{{{{}}}}}"}},{{"expr":"1 - avg({two}{{mode=\"idle\"}}) \u003e 0"}}],"title":"{}"}}"#,
            panel % 2 * 12,
            panel * 7,
            dice.word(),
            dice.word(),
            dice.alert(),
        )
        .unwrap_or_else(|error| panic!("{error}"));
    }
    out.push_str(
        r#"],"refresh":"10s","templating":{"list":[{"hide":`}}{{ if .Values.dashboards.multicluster.enabled }}0{{ else }}2{{ end }}{{`,"label":"cluster","name":"cluster"}]},"timezone": "`}}{{ .Values.dashboards.timezone }}{{`","title":"Board","version":0}`}}
{{- end }}
"#,
    );
    out
}
