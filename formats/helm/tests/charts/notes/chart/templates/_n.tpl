{{ define "notes.name" }}{{ .Release.Name }}-svc{{ end }}
