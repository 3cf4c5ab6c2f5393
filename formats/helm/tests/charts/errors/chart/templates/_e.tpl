{{- define "errors.deep" -}}{{ include "errors.deeper" (dict "x" .) }}{{- end -}}
{{- define "errors.deeper" -}}{{ if true }}{{ required "deep need" .x.Values.nothing }}{{ end }}{{- end -}}
{{- define "errors.loop" -}}{{ include "errors.loop" . }}{{- end -}}
