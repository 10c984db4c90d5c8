{{/*
Who reaches whom, as YAML: for each component the places that it opens connections to. This is the one table; what a policy
lets in and out follows from it. A place is a component, or one of mongodb, rabbitmq, smtp, otlp, apiServer, export.
*/}}
{{- define "kith.reach" -}}
{{- $services := include "kith.services" . | fromJsonArray -}}
gateway: [rabbitmq, otlp{{ range $services }}, {{ . }}-api{{ end }}]
{{- range $service := $services }}
{{ $service }}-api: [mongodb, otlp{{ range include "kith.asked" (dict "root" $ "service" $service) | fromJsonArray }}, {{ . }}-api{{ end }}]
{{ $service }}-worker: [mongodb, rabbitmq, otlp{{ if eq $service "notification" }}, smtp{{ end }}]
{{- if and $.Values.migrate.enabled (dig $service "migrate" "enabled" true $.Values.services) }}
{{ $service }}-migrate: [mongodb]
{{- end }}
{{- end }}
{{- if ne (include "kith.madeSecrets" .) "[]" }}
secrets: [apiServer]
{{- end }}
{{- if include "kith.tenant" . }}
bootstrap: [mongodb]
{{- end }}
{{- if .Values.cli.enabled }}
cli: [mongodb, rabbitmq]
{{- end }}
{{- if .Values.test.enabled }}
check: [gateway, mongodb]
{{- end }}
{{- if include "kith.dev.mongodb" . }}
mongodb: []
replica-set: [mongodb]
{{- end }}
{{- if include "kith.dev.rabbitmq" . }}
rabbitmq: []
{{- end }}
{{- if include "kith.dev.viewer" . }}
viewer: []
{{- end }}
{{- if include "kith.dev.mailbox" . }}
mailbox: []
{{- end }}
{{- if .Values.collector.enabled }}
collector: [export{{ if .Values.jaeger.enabled }}, jaeger{{ end }}]
{{- end }}
{{- if .Values.jaeger.enabled }}
jaeger: []
{{- end }}
{{- end }}

{{/*
Where a place is, as JSON: `component` for one of this release, otherwise `to` (peers; none: anywhere), and `ports`. Empty
ports: nowhere. Takes root, place.
*/}}
{{- define "kith.place" -}}
{{- $policy := .root.Values.networkPolicy }}
{{- $values := .root.Values }}
{{- if hasSuffix "-api" .place }}{{ dict "component" .place "ports" (list 50051) | toJson }}
{{- else if eq .place "gateway" }}{{ dict "component" "gateway" "ports" (list 8080) | toJson }}
{{- else if eq .place "jaeger" }}{{ dict "component" "jaeger" "ports" (list 4317) | toJson }}
{{- else if and (eq .place "mongodb") (include "kith.dev.mongodb" .root) }}{{ dict "component" "mongodb" "ports" (list 27017) | toJson }}
{{- else if and (eq .place "rabbitmq") (include "kith.dev.rabbitmq" .root) }}{{ dict "component" "rabbitmq" "ports" (list 5672) | toJson }}
{{- else if and (eq .place "smtp") (include "kith.dev.mailbox" .root) }}{{ dict "component" "mailbox" "ports" (list 2525) | toJson }}
{{- else if and (eq .place "smtp") (not $values.smtp.existingSecret) }}{{ dict "ports" list | toJson }}
{{- else if eq .place "otlp" }}{{ include "kith.place.otlp" .root }}
{{- else if eq .place "export" }}{{ dict "to" $policy.otlp.to "ports" (include "kith.portOf" $values.collector.endpoint | fromJsonArray) | toJson }}
{{- else }}{{ get $policy .place | toJson }}
{{- end }}
{{- end }}

{{- define "kith.place.otlp" -}}
{{- $values := .Values }}
{{- if $values.tracing.endpoint }}
{{- dict "to" $values.networkPolicy.otlp.to "ports" (include "kith.portOf" $values.tracing.endpoint | fromJsonArray) | toJson }}
{{- else if $values.collector.enabled }}{{ dict "component" "collector" "ports" (list 4318) | toJson }}
{{- else if $values.jaeger.enabled }}{{ dict "component" "jaeger" "ports" (list 4318) | toJson }}
{{- else if include "kith.dev.viewer" . }}{{ dict "component" "viewer" "ports" (list 8080) | toJson }}
{{- else }}{{ dict "ports" list | toJson }}
{{- end }}
{{- end }}

{{/*
The port of a URL or `host:port`, as a JSON list; an empty one for an empty text.
*/}}
{{- define "kith.portOf" -}}
{{- $rest := regexReplaceAll "^[a-z]+://" . "" }}
{{- $port := regexFind ":[0-9]+" (regexReplaceAll "/.*$" (regexReplaceAll "^\\[[^]]*\\]" $rest "") "") | trimPrefix ":" }}
{{- if $port }}[{{ $port }}]{{ else if hasPrefix "http://" . }}[80]{{ else if . }}[443]{{ else }}[]{{ end }}
{{- end }}

{{/*
What a component may reach: rules of `egress`, the components of this release in one for each port. Takes root, component,
reach.
*/}}
{{- define "kith.egress" -}}
{{- $inside := dict }}
{{- range get .reach .component }}
{{- $place := include "kith.place" (dict "root" $.root "place" .) | fromJson }}
{{- if $place.component }}
{{- $port := first $place.ports | int | toString }}
{{- $_ := set $inside $port (append (get $inside $port | default list) $place.component) }}
{{- else if $place.ports }}
- {{ with $place.to -}}
  to:
    {{- toYaml . | nindent 4 }}
  {{ end -}}
  ports:
    {{- include "kith.ports" $place.ports | nindent 4 }}
{{- end }}
{{- end }}
{{- range $port, $names := $inside }}
- to:
    {{- include "kith.components" (dict "root" $.root "names" $names) | nindent 4 }}
  ports:
    {{- include "kith.ports" (list $port) | nindent 4 }}
{{- end }}
{{- end }}

{{/*
Who may reach a component: rules of `ingress`, the components of this release in one for each port. Takes root, component,
reach.
*/}}
{{- define "kith.ingress" -}}
{{- $clients := dict }}
{{- range $client, $places := .reach }}
{{- range $places }}
{{- $place := include "kith.place" (dict "root" $.root "place" .) | fromJson }}
{{- if eq (get $place "component") $.component }}
{{- $port := first $place.ports | int | toString }}
{{- $_ := set $clients $port (append (get $clients $port | default list) $client) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $port, $names := $clients }}
- from:
    {{- include "kith.components" (dict "root" $.root "names" $names) | nindent 4 }}
  ports:
    {{- include "kith.ports" (list $port) | nindent 4 }}
{{- end }}
{{- end }}

{{/*
Who else may reach a component: rules of `ingress` for what is not of this release. Takes root, component.
*/}}
{{- define "kith.ingressFromOutside" -}}
{{- $policy := .root.Values.networkPolicy }}
{{- $processes := list }}
{{- range include "kith.processes" .root | fromJsonArray }}{{ $processes = append $processes .component }}{{ end }}
{{- if eq .component "gateway" }}
- {{ with $policy.gateway.from -}}
  from:
    {{- toYaml . | nindent 4 }}
  {{ end -}}
  ports:
    {{- include "kith.ports" (list 8080) | nindent 4 }}
{{- end }}
{{- if hasSuffix "-api" .component }}{{ include "kith.ingressFrom" (dict "from" $policy.grpc.from "port" 50051) }}{{ end }}
{{- if has .component $processes }}{{ include "kith.ingressFrom" (dict "from" $policy.metrics.from "port" 9464) }}{{ end }}
{{- if eq .component "rabbitmq" }}{{ include "kith.ingressFrom" (dict "from" $policy.keda.from "port" 5672) }}{{ end }}
{{- if eq .component "jaeger" }}{{ include "kith.ingressFrom" (dict "from" .root.Values.jaeger.from "port" 16686) }}{{ end }}
{{- end }}

{{/*
A rule for peers that the values name; none when they name nobody. Takes from, port.
*/}}
{{- define "kith.ingressFrom" -}}
{{- with .from }}
- from:
    {{- toYaml . | nindent 4 }}
  ports:
    {{- include "kith.ports" (list $.port) | nindent 4 }}
{{- end }}
{{- end }}

{{/*
Components of this release as a list of peers. Takes root, names.
*/}}
{{- define "kith.components" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ include "kith.name" .root }}
      app.kubernetes.io/instance: {{ .root.Release.Name }}
    matchExpressions:
      - key: app.kubernetes.io/component
        operator: In
        values:
          {{- toYaml (uniq .names) | nindent 10 }}
{{- end }}

{{- define "kith.ports" -}}
{{- range $index, $port := . }}
{{- if $index }}{{ print "\n" }}{{ end -}}
- {protocol: TCP, port: {{ int $port }}}
{{- end }}
{{- end }}
