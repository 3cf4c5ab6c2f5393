{{- define "name" -}}
{{- if .values.nameOverride -}}{{ .values.nameOverride }}{{- else -}}{{ printf "%s-%s" .release.name .chart.name }}{{- end -}}
{{- end -}}

{{- define "labels" }}
    app.kubernetes.io/name: {{ include "name" . }}
    app.kubernetes.io/instance: {{ .release.name }}
    app.kubernetes.io/version: {{ .chart.version | printf "%q" }}
    app.kubernetes.io/managed-by: {{ .release.service }}
    {{- range $key, $value := .values.commonLabels }}
    {{ $key }}: {{ printf "%q" $value }}
    {{- end }}
{{- end -}}

{{- define "container" }}
        - name: {{ .name }}
          image: "{{ .image.repository }}:{{ .image.tag }}"
          {{- with .image.pullPolicy }}
          imagePullPolicy: {{ . }}
          {{- end }}
          {{- if .args }}
          args:
          {{- range .args }}
            - {{ . }}
          {{- end }}
          {{- end }}
          ports:
          {{- range $name, $port := .ports }}
            - name: {{ $name }}
              containerPort: {{ $port }}
          {{- end }}
          {{- if and .resources (not .small) }}
          resources:
            {{- range $kind, $amounts := .resources }}
            {{ $kind }}:
              {{- range $what, $amount := $amounts }}
              {{ $what }}: {{ $amount }}
              {{- end }}
            {{- end }}
          {{- end }}
{{- end -}}
