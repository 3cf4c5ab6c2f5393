{{- define "web.title" -}}own word: {{ .Values.title }}{{- end -}}
