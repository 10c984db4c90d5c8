{{/*
Environment variables, in pieces that the processes put together. Each prints entries of `env`.
*/}}

{{/*
What every process that stays is told. The names of pod, namespace and node come before what refers to them.
*/}}
{{- define "kith.env.process" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ include "kith.resourceAttributes" . | quote }}
{{- with include "kith.otlp" . }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ quote . }}
{{- end }}
{{- if .Values.metrics.podMonitor.enabled }}{{- /* Prometheus reads the metrics of all: pushed too, they would count twice. */}}
- name: OTEL_METRICS_EXPORTER
  value: none
{{- end }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .Values.tracing.ratio | toString | quote }}
- name: LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: KITH_METRICS_LISTEN
  value: {{ printf "%s:9464" .Values.listenHost | quote }}
{{- end }}

{{/*
Attributes of all telemetry: where it comes from.
*/}}
{{- define "kith.resourceAttributes" -}}
k8s.pod.name=$(POD_NAME),k8s.namespace.name=$(POD_NAMESPACE),k8s.node.name=$(NODE_NAME)
{{- range $name, $value := .Values.tracing.resourceAttributes }},{{ $name }}={{ $value }}{{ end }}
{{- end }}

{{/*
Where telemetry is sent by OTLP over HTTP; empty when nowhere.
*/}}
{{- define "kith.otlp" -}}
{{- $full := include "kith.fullname" . }}
{{- if .Values.tracing.endpoint }}{{ .Values.tracing.endpoint }}
{{- else if .Values.collector.enabled }}http://{{ $full }}-collector:4318
{{- else if .Values.jaeger.enabled }}http://{{ $full }}-jaeger:4318
{{- else if and .Values.dev.enabled .Values.dev.viewer.enabled }}http://{{ $full }}-viewer:8080
{{- end }}
{{- end }}

{{/*
MongoDB, and how Kith's databases there are called.
*/}}
{{- define "kith.env.mongodb" -}}
- name: MONGODB_URI
  {{- if include "kith.dev.mongodb" . }}
  value: {{ include "kith.dev.mongodbUri" . | quote }}
  {{- else }}
  {{- include "kith.env.fromSecret" .Values.mongodb | nindent 2 }}
  {{- end }}
- name: KITH_DATABASE_PREFIX
  value: {{ .Values.databasePrefix | quote }}
{{- end }}

{{- define "kith.env.rabbitmq" -}}
- name: AMQP_URI
  {{- if include "kith.dev.rabbitmq" . }}
  value: {{ include "kith.dev.rabbitmqUri" . | quote }}
  {{- else }}
  {{- include "kith.env.fromSecret" .Values.rabbitmq | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
The mail server, if there is one, and what mails say of where they come from.
*/}}
{{- define "kith.env.smtp" -}}
{{- if include "kith.dev.mailbox" . }}
- name: SMTP_URI
  value: {{ printf "smtp://%s-mailbox:2525" (include "kith.fullname" .) | quote }}
{{- else if .Values.smtp.existingSecret }}
- name: SMTP_URI
  {{- include "kith.env.fromSecret" .Values.smtp | nindent 2 }}
{{- end }}
- name: KITH_MAIL_FROM
  value: {{ .Values.smtp.from | quote }}
{{- with include "kith.publicUrl" . }}
- name: KITH_PUBLIC_URL
  value: {{ quote . }}
{{- end }}
{{- end }}

{{- define "kith.env.fromSecret" -}}
valueFrom: {secretKeyRef: {name: {{ .existingSecret | quote }}, key: {{ .key | quote }}}}
{{- end }}

{{/*
Where people reach the gateway; empty when nobody has said.
*/}}
{{- define "kith.publicUrl" -}}
{{- if .Values.publicUrl }}{{ .Values.publicUrl | trimSuffix "/" }}
{{- else if and .Values.ingress.enabled .Values.ingress.host }}
{{- printf "%s://%s" (ternary "https" "http" (ne (include "kith.ingressTls" .) "")) .Values.ingress.host }}
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames }}https://{{ first .Values.httpRoute.hostnames }}
{{- end }}
{{- end }}

{{/*
The addresses of apis. Takes root, services.
*/}}
{{- define "kith.env.peers" -}}
{{- range .services }}
- name: KITH_{{ upper . }}_ADDRESS
  value: {{ printf "dns:///%s-%s-api:50051" (include "kith.fullname" $.root) . | quote }}
{{- end }}
{{- end }}

{{/*
Mutual TLS between the gateway and the apis, if it is enabled.
*/}}
{{- define "kith.env.tls" -}}
{{- if .Values.tls.internal.enabled }}
- name: KITH_TLS_CERT_FILE
  value: /etc/kith/tls/tls.crt
- name: KITH_TLS_KEY_FILE
  value: /etc/kith/tls/tls.key
- name: KITH_TLS_CA_FILE
  value: /etc/kith/tls/ca.crt
{{- end }}
{{- end }}
