{{- define "word" -}}l1{{- end -}}
