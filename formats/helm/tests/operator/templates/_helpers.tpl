{{/* vim: set filetype=mustache: */}}
{{- define "operator.name" -}}{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}{{- end }}
{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 26 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 26 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 26 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- define "operator.chartref" -}}{{- replace "+" "_" .Chart.Version | printf "%s-%s" .Chart.Name -}}{{- end }}
{{- define "operator.labels" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: "{{ replace "+" "_" .Chart.Version }}"
app.kubernetes.io/part-of: {{ template "operator.name" . }}
chart: {{ template "operator.chartref" . }}
release: {{ $.Release.Name | quote }}
heritage: {{ $.Release.Service | quote }}
{{- if .Values.commonLabels}}
{{ toYaml .Values.commonLabels }}
{{- end }}
{{- end }}
{{- define "operator.namespace" -}}
  {{- if .Values.namespaceOverride -}}
    {{- .Values.namespaceOverride -}}
  {{- else -}}
    {{- .Release.Namespace -}}
  {{- end -}}
{{- end -}}
{{- define "operator.serviceAccount" -}}
{{- $root := index . 0 -}}{{- $key := index . 1 -}}
{{- $values := index $root.Values $key -}}
{{- if ($values.serviceAccount).create -}}
{{ default (printf "%s-%s" (include "operator.fullname" $root) (lower $key | trunc 12)) $values.serviceAccount.name }}
{{- else -}}
{{ default "default" (($values.serviceAccount).name) }}
{{- end -}}
{{- end -}}
{{- define "operator.image" -}}
{{- $root := index . 0 -}}{{- with index . 1 -}}
{{- $registry := $root.Values.global.imageRegistry | default .registry -}}
{{- $tag := .tag | default $root.Chart.AppVersion -}}
{{- if .sha -}}
{{ $registry }}/{{ .repository }}:{{ $tag }}@sha256:{{ .sha }}
{{- else -}}
{{ $registry }}/{{ .repository }}:{{ $tag }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- define "operator.ingress.apiVersion" -}}
  {{- if and (.Capabilities.APIVersions.Has "networking.k8s.io/v1") (semverCompare ">= 1.19-0" (include "operator.kubeVersion" .)) -}}
      {{- print "networking.k8s.io/v1" -}}
  {{- else -}}
    {{- print "extensions/v1beta1" -}}
  {{- end -}}
{{- end -}}
{{- define "operator.kubeVersion" -}}
  {{- default .Capabilities.KubeVersion.Version .Values.kubeVersionOverride -}}
{{- end -}}
{{- define "operator.boolOrDefault" -}}
{{- $tmp := (toString .) -}}
{{- if eq $tmp "<nil>" -}}true{{- else -}}{{ $tmp }}{{- end -}}
{{- end -}}
{{- define "operator.portBefore125" -}}
  {{- $userValue := index . 1 -}}{{- $old := index . 2 -}}{{- $new := index . 3 -}}
  {{- with index . 0 -}}
  {{- $kubeVersion := include "operator.kubeVersion" . -}}
  {{- if $userValue -}}{{- $userValue -}}
  {{- else if semverCompare "< 1.22-0" $kubeVersion -}}{{- $old -}}
  {{- else -}}{{- $new -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- define "operator.rule.labels" -}}
{{- $severity := index . 1 -}}
{{- with index . 0 -}}
severity: {{ $severity }}
{{- if .Values.defaultRules.additionalRuleLabels }}
{{- with .Values.defaultRules.additionalRuleLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}
