{{- define "files.helper" -}}helped {{ .Chart.Name }}{{- end -}}
