{{- define "word" -}}l3{{- end -}}
