{{/* Lines of `version=image`. */}}
{{- define "kafka.image.map" -}}
{{- range $version := .root.Values.versions }}
                {{ $version }}={{ template "kafka.image" (merge (dict "tagSuffix" (printf "-kafka-%s" $version)) $) }}
{{- end -}}
{{- end -}}
{{- define "kafka.image" -}}
{{- $values := .root.Values -}}
{{- $image := index $values .key "image" -}}
{{- $tag := default $values.defaultImageTag $image.tag -}}
{{- if $image.digest -}}
{{ default $values.defaultImageRegistry $image.registry }}/{{ default $values.defaultImageRepository $image.repository }}/{{ $image.name }}@{{ $image.digest }}
{{- else -}}
{{ default $values.defaultImageRegistry $image.registry }}/{{ default $values.defaultImageRepository $image.repository }}/{{ $image.name }}:{{ $image.tagPrefix }}{{ $tag }}{{ .tagSuffix }}
{{- end -}}
{{- end -}}
