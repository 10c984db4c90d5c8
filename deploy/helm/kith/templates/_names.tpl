{{/*
The chart's name in labels.
*/}}
{{- define "kith.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
What the names of all objects begin with. Longer than 33 characters it would make names that Kubernetes refuses
(`-notification-migrate-12345678` comes behind it): then it is cut, and a hash keeps it apart from others cut alike.
*/}}
{{- define "kith.fullname" -}}
{{- $full := .Values.fullnameOverride | default (include "kith.releaseName" .) }}
{{- if gt (len $full) 33 }}
{{- printf "%s-%s" ($full | trunc 24 | trimSuffix "-") ($full | sha256sum | trunc 8) }}
{{- else }}
{{- $full | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/*
The release's name, with the chart's behind it where it is not in it.
*/}}
{{- define "kith.releaseName" -}}
{{- $name := include "kith.name" . }}
{{- if contains $name .Release.Name }}{{ .Release.Name }}{{ else }}{{ printf "%s-%s" .Release.Name $name }}{{ end }}
{{- end }}

{{/*
The name of a component's objects. Takes root, component.
*/}}
{{- define "kith.nameOf" -}}
{{- printf "%s-%s" (include "kith.fullname" .root) .component }}
{{- end }}

{{/*
The ServiceAccount of all pods but the secrets Job's.
*/}}
{{- define "kith.account" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "kith.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/*
The Secret with identity's signing keys.
*/}}
{{- define "kith.signingKeys" -}}
{{- .Values.signingKeys.existingSecret | default (printf "%s-signing-keys" (include "kith.fullname" .)) }}
{{- end }}

{{/*
The Secret with the first administrator's password.
*/}}
{{- define "kith.admin" -}}
{{- .Values.bootstrap.existingSecret | default (printf "%s-admin" (include "kith.fullname" .)) }}
{{- end }}

{{/*
The Secret with the certificate for mutual TLS between the gateway and the apis.
*/}}
{{- define "kith.internalTls" -}}
{{- .Values.tls.internal.existingSecret | default (printf "%s-internal-tls" (include "kith.fullname" .)) }}
{{- end }}
