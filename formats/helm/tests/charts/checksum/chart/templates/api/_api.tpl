{{- define "checksum.api.args" -}}
- --component=api
- --level={{ .Values.config.level }}
{{- end -}}
{{- define "checksum.worker.args" -}}
- --component=worker
- --rate={{ .Values.config.rate }}
{{- end -}}
