{{/*
Kith's own processes that stay: an api and a worker for each service, and the gateway. Each template prints what
`kith.podSpec` takes, but for the root, as YAML. They take root and, but for the gateway, service.
*/}}

{{/*
All of them, in short: a JSON list of kind, service, component.
*/}}
{{- define "kith.processes" -}}
{{- $all := list (dict "kind" "gateway" "service" "" "component" "gateway") }}
{{- range include "kith.services" . | fromJsonArray }}
{{- $all = append $all (dict "kind" "api" "service" . "component" (printf "%s-api" .)) }}
{{- $all = append $all (dict "kind" "worker" "service" . "component" (printf "%s-worker" .)) }}
{{- end }}
{{- $all | toJson }}
{{- end }}

{{/*
One of them, whole. Takes root, kind, service, component.
*/}}
{{- define "kith.process" -}}
component: {{ .component }}
container: {{ .kind }}
spread: true
{{ include (printf "kith.process.%s" .kind) . }}
{{- end }}

{{/*
What a process is told by the values, as JSON: the defaults, those of its kind, its own.
*/}}
{{- define "kith.process.settings" -}}
{{- $values := .root.Values }}
{{- $own := ternary dict (dig .service .kind dict $values.services) (empty .service) }}
{{- include "kith.settings" (dict "layers" (list $values.defaults (get $values .kind) $own)) }}
{{- end }}

{{- define "kith.process.image" -}}
image: {{ include "kith.image" (dict "root" .root "target" (.service | default .kind) "image" .settings.image) }}
pullPolicy: {{ (.settings.image | default dict).pullPolicy | default .root.Values.image.pullPolicy }}
settings: {{ toJson .settings }}
{{- end }}

{{- define "kith.process.api" -}}
{{- $root := .root }}
{{- $settings := include "kith.process.settings" . | fromJson }}
{{- $signs := eq .service "identity" }}
{{- include "kith.process.image" (dict "root" $root "service" .service "settings" $settings) }}
args: [api]
env:
  - name: KITH_LISTEN
    value: {{ printf "%s:50051" $root.Values.listenHost | quote }}
  - name: KITH_HEALTH_LISTEN
    value: {{ printf "%s:50052" $root.Values.listenHost | quote }}
  - name: KITH_THREADS
    value: {{ $settings.threads | toString | quote }}
  - name: KITH_CONNECTION_AGE_SECONDS
    value: {{ $settings.connectionAgeSeconds | toString | quote }}
  - name: KITH_DRAIN_SECONDS
    value: {{ $settings.drainSeconds | toString | quote }}
  {{- include "kith.env.process" $root | nindent 2 }}
  {{- include "kith.env.mongodb" $root | nindent 2 }}
  {{- include "kith.env.peers" (dict "root" $root "services" (include "kith.asked" . | fromJsonArray)) | trim | nindent 2 }}
  {{- include "kith.env.tls" $root | trim | nindent 2 }}
  {{- if $signs }}
  - name: KITH_SIGNING_KEYS
    value: /etc/kith/signing-keys
  {{- end }}
ports:
  - {name: grpc, containerPort: 50051}
  - {name: health, containerPort: 50052}
  - {name: metrics, containerPort: 9464}
probes: {{ include "kith.probes.grpc" (dict "settings" $settings) }}
volumes:
  {{- include "kith.tlsVolume" $root | nindent 2 }}
  {{- if $signs }}
  - {name: signing-keys, secret: {secretName: {{ include "kith.signingKeys" $root }}}}
  {{- end }}
volumeMounts:
  {{- include "kith.tlsMount" $root | nindent 2 }}
  {{- if $signs }}
  - {name: signing-keys, mountPath: /etc/kith/signing-keys, readOnly: true}
  {{- end }}
{{- end }}

{{- define "kith.process.worker" -}}
{{- $root := .root }}
{{- $settings := include "kith.process.settings" . | fromJson }}
{{- include "kith.process.image" (dict "root" $root "service" .service "settings" $settings) }}
args: [worker]
env:
  - name: KITH_LISTEN
    value: {{ printf "%s:8080" $root.Values.listenHost | quote }}
  {{- include "kith.env.process" $root | nindent 2 }}
  {{- include "kith.env.mongodb" $root | nindent 2 }}
  {{- include "kith.env.rabbitmq" $root | nindent 2 }}
  {{- if eq .service "notification" }}
  {{- include "kith.env.smtp" $root | trim | nindent 2 }}
  {{- end }}
ports:
  - {name: health, containerPort: 8080}
  - {name: metrics, containerPort: 9464}
probes: {{ include "kith.probes.http" (dict "settings" $settings "port" "health" "live" "/livez" "ready" "/readyz") }}
{{- end }}

{{- define "kith.process.gateway" -}}
{{- $root := .root }}
{{- $settings := include "kith.process.settings" . | fromJson }}
{{- include "kith.process.image" (dict "root" $root "service" "gateway" "settings" $settings) }}
env:
  - name: KITH_LISTEN
    value: {{ printf "%s:8080" $root.Values.listenHost | quote }}
  - name: KITH_DRAIN_SECONDS
    value: {{ $settings.drainSeconds | toString | quote }}
  {{- include "kith.env.process" $root | nindent 2 }}
  {{- include "kith.env.rabbitmq" $root | nindent 2 }}
  {{- include "kith.env.peers" (dict "root" $root "services" (include "kith.services" $root | fromJsonArray)) | trim | nindent 2 }}
  {{- include "kith.env.tls" $root | trim | nindent 2 }}
  {{- include "kith.env.limits" $settings | trim | nindent 2 }}
ports:
  - {name: http, containerPort: 8080}
  - {name: metrics, containerPort: 9464}
probes: {{ include "kith.probes.http" (dict "settings" $settings "port" "http" "live" "/healthz" "ready" "/readyz") }}
volumes:
  {{- include "kith.tlsVolume" $root | nindent 2 }}
volumeMounts:
  {{- include "kith.tlsMount" $root | nindent 2 }}
{{- end }}

{{/*
The gateway's limits, as far as they are not its own defaults.
*/}}
{{- define "kith.env.limits" -}}
{{- $variables := dict "KITH_RATE_LIMIT" .rateLimit "KITH_RATE_BURST" .rateBurst "KITH_REQUEST_TIMEOUT" .requestTimeoutSeconds
      "KITH_MAX_IN_FLIGHT" .maxInFlight "KITH_MAX_STREAMS" .maxStreams }}
{{- range $name, $value := $variables }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- with .corsOrigins }}
- name: KITH_CORS_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}

{{- define "kith.tlsVolume" -}}
{{- if .Values.tls.internal.enabled -}}
- {name: tls, secret: {secretName: {{ include "kith.internalTls" . }}}}
{{- end }}
{{- end }}

{{- define "kith.tlsMount" -}}
{{- if .Values.tls.internal.enabled -}}
- {name: tls, mountPath: /etc/kith/tls, readOnly: true}
{{- end }}
{{- end }}
