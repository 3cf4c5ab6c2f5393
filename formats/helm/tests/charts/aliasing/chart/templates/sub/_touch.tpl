{{- define "aliasing.touch" -}}
{{- $_ := set .Values.shared "touched" "by include" -}}
touched: {{ .Values.shared.touched }}
  release: {{ .Release.Touched | quote }}
  chart: {{ .Chart.Touched | quote }}
{{- end -}}
