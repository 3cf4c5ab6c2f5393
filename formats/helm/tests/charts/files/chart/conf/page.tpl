{{ .Values.name }} on {{ .Release.Namespace }}
{{ include "files.helper" . }}
