{{- define "ingress.fullname" -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "ingress.version" -}}
{{- (split "@" (default (.Values.image.tag | default .Chart.AppVersion) .Values.versionOverride))._0 | replace "latest-" "" | replace "experimental-" "" }}
{{- end -}}
{{- define "ingress.image" -}}
{{- if .Values.image.digest -}}{{ printf "%s/%s@%s" .Values.image.registry .Values.image.repository .Values.image.digest }}
{{- else -}}{{ printf "%s/%s:%s" .Values.image.registry .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}{{- end -}}
{{- end -}}
{{- define "ingress.hasTls" -}}
{{- $found := "" -}}
{{- range $name, $config := .Values.ports -}}
{{- if ($config.tls).enabled -}}{{- $found = $name -}}{{- break -}}{{- end -}}
{{- end -}}
{{- $found -}}
{{- end -}}
{{- define "ingress.port" -}}
- name: {{ .name | lower | trunc 15 }}
  port: {{ default .config.port .config.exposedPort }}
  targetPort: {{ .config.targetPort | default .name }}
  protocol: {{ .config.protocol | default "TCP" }}
  {{- if ne (.config.nodePort | toString) "<nil>" }}
  nodePort: {{ .config.nodePort }}
  {{- end }}
{{- end -}}
