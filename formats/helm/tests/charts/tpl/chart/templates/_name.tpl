{{- define "tpl.name" -}}{{ .Values.name }}{{- end -}}
{{- define "tpl.render" -}}
{{- if typeIs "string" .value }}{{ tpl .value .context }}{{ else }}{{ tpl (toYaml .value) .context }}{{ end }}
{{- end -}}
