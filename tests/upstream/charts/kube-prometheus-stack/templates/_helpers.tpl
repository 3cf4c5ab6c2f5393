{{- define "stack.image" -}}
{{ .image.registry | default .root.Values.global.imageRegistry }}/{{ .image.repository }}:{{ .image.tag }}
{{- end -}}

{{- define "stack.name" -}}
{{- printf "%s-kube-prometheus-stack" .Release.Name | trunc 26 | trimSuffix "-" -}}
{{- end -}}
