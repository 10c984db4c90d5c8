{{/*
What `dev.enabled` brings: each prints `true` or nothing. Servers that a Secret names are not brought.
*/}}
{{- define "kith.dev.mongodb" -}}
{{- if and .Values.dev.enabled .Values.dev.mongodb.enabled (not .Values.mongodb.existingSecret) }}true{{ end }}
{{- end }}

{{- define "kith.dev.rabbitmq" -}}
{{- if and .Values.dev.enabled .Values.dev.rabbitmq.enabled (not .Values.rabbitmq.existingSecret) }}true{{ end }}
{{- end }}

{{- define "kith.dev.mailbox" -}}
{{- if and .Values.dev.enabled .Values.dev.mailbox.enabled (not .Values.smtp.existingSecret) }}true{{ end }}
{{- end }}

{{- define "kith.dev.viewer" -}}
{{- if and .Values.dev.enabled .Values.dev.viewer.enabled }}true{{ end }}
{{- end }}

{{/*
Their addresses. They hold nothing secret: only Kith's pods reach these servers.
*/}}
{{- define "kith.dev.mongodbHost" -}}
{{- $name := printf "%s-mongodb" (include "kith.fullname" .) }}
{{- printf "%s-0.%s:27017" $name $name }}
{{- end }}

{{- define "kith.dev.mongodbUri" -}}
mongodb://{{ include "kith.dev.mongodbHost" . }}/?replicaSet=rs0
{{- end }}

{{/*
With its namespace, since KEDA looks from another one.
*/}}
{{- define "kith.dev.rabbitmqUri" -}}
{{- printf "amqp://kith:kith@%s-rabbitmq.%s.svc:5672/" (include "kith.fullname" .) .Release.Namespace }}
{{- end }}

{{/*
The tenant that is made at first: its name and its administrator. A try-out has one without being told. As JSON; empty
when none is wanted.
*/}}
{{- define "kith.tenant" -}}
{{- $wanted := .Values.bootstrap }}
{{- if and $wanted.enabled (or $wanted.tenant .Values.dev.enabled) (has "identity" (include "kith.services" . | fromJsonArray)) }}
{{- $tenant := $wanted.tenant | default "demo" }}
{{- $email := $wanted.email | default (ternary "" "admin@demo.example" (ne $wanted.tenant "")) }}
{{- dict "tenant" $tenant "name" ($wanted.name | default $tenant) "email" $email | toJson }}
{{- end }}
{{- end }}
