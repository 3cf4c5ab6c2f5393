{{- define "ret" -}}{{- dict "a" 1 "b" (list "x") | toYaml -}}{{- end -}}
{{- define "setter" -}}{{- $_ := set . "k" "v" -}}{{- end -}}
{{- define "name" -}}{{ .Values.s | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "novalue" -}}[{{ .Values.missing }}]{{- end -}}
{{- define "dot" -}}<{{ . }}>{{- end -}}
{{- define "down" -}}{{ if gt (int .) 0 }}{{ . }},{{ include "down" (sub . 1) }}{{ end }}{{- end -}}
{{- define "over" -}}first{{- end -}}
{{- define "lines" }}
a: 1

b: 2
{{ end -}}
{{- define "boom" -}}{{ fail (printf "boom %s" .) }}{{- end -}}
