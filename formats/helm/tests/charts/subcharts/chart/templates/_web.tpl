{{- define "web.title" -}}parent's word for {{ .Values.title | default .Chart.Name }}{{- end -}}
