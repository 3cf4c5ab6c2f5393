{{- define "word" -}}l2{{- end -}}
