{{- define "storage.fullname" -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "storage.image" -}}
{{- $i := .image -}}
{{- with .root.Values.defaultSettings.registry }}{{ . }}/{{ end }}{{ $i.repository }}:{{ $i.tag }}
{{- end -}}
{{- define "storage.name" -}}{{ .Values.nameOverride | default .Chart.Name }}{{- end -}}
{{- define "storage.labels" -}}
app.kubernetes.io/name: {{ include "storage.name" . }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
