{{/*
Probes, as JSON by kind. An api answers them over gRPC on a port of its own: `live` as long as its process runs, the empty
service when it can serve. Takes settings.
*/}}
{{- define "kith.probes.grpc" -}}
{{- $live := dict "grpc" (dict "port" 50052 "service" "live") }}
{{- $ready := dict "grpc" (dict "port" 50052) }}
{{- include "kith.probes" (dict "live" $live "ready" $ready "probes" .settings.probes) }}
{{- end }}

{{/*
Probes over HTTP. Takes settings, port, live, ready (paths).
*/}}
{{- define "kith.probes.http" -}}
{{- $live := dict "httpGet" (dict "path" .live "port" .port) }}
{{- $ready := dict "httpGet" (dict "path" .ready "port" .port) }}
{{- include "kith.probes" (dict "live" $live "ready" $ready "probes" .settings.probes) }}
{{- end }}

{{/*
A start is awaited second by second, with the question that liveness asks. Takes live, ready, probes (how often and how
long, by kind).
*/}}
{{- define "kith.probes" -}}
{{- dict
      "startupProbe" (merge (dict) .live .probes.startup)
      "livenessProbe" (merge (dict) .live .probes.liveness)
      "readinessProbe" (merge (dict) .ready .probes.readiness)
    | toJson }}
{{- end }}
