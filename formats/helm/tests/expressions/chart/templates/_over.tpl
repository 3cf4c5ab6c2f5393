{{- define "over" -}}second{{- end -}}
