{{/*
Kith's Jobs. Each template prints what `kith.podSpec` takes, but for the root, as YAML.
*/}}

{{/*
Brings one service's database to the shape that this version needs. Takes root, service.
*/}}
{{- define "kith.job.migrate" -}}
{{- $values := .root.Values }}
{{- $own := dig .service "migrate" dict $values.services }}
{{- $settings := include "kith.settings" (dict "layers" (list $values.defaults $values.migrate $own)) | fromJson -}}
component: {{ .service }}-migrate
container: migrate
{{ include "kith.process.image" (dict "root" .root "service" .service "settings" $settings) }}
args: [migrate]
env:
  {{- include "kith.env.job" .root | nindent 2 }}
  {{- include "kith.env.mongodb" .root | nindent 2 }}
{{- end }}

{{/*
Makes the Secrets that are missing. Takes root.
*/}}
{{- define "kith.job.secrets" -}}
{{- $values := .root.Values }}
{{- $full := include "kith.fullname" .root }}
{{- $settings := include "kith.settings" (dict "layers" (list $values.defaults $values.secrets)) | fromJson -}}
component: secrets
{{ include "kith.process.image" (dict "root" .root "service" "cli" "settings" $settings) }}
account: {{ $full }}-secrets
args:
  - secrets
  {{- range include "kith.madeSecrets" .root | fromJsonArray }}
  - --{{ .option }}={{ .name }}
  {{- end }}
  {{- range $label, $value := include "kith.selector" (dict "root" .root "component" "secrets") | fromYaml }}
  - --label={{ $label }}={{ $value }}
  {{- end }}
  - --label=app.kubernetes.io/part-of=kith
{{- end }}

{{/*
The Secrets that the Job is to make, by the option that names them, as a JSON list: those that nobody else gives.
*/}}
{{- define "kith.madeSecrets" -}}
{{- $made := list }}
{{- if .Values.secrets.create }}
{{- if not .Values.signingKeys.existingSecret }}
{{- $made = append $made (dict "option" "signing-keys" "name" (include "kith.signingKeys" .)) }}
{{- end }}
{{- if and (include "kith.tenant" .) (not .Values.bootstrap.existingSecret) }}
{{- $made = append $made (dict "option" "admin" "name" (include "kith.admin" .)) }}
{{- end }}
{{- end }}
{{- $made | toJson }}
{{- end }}

{{/*
Makes the first tenant and its administrator. Takes root.
*/}}
{{- define "kith.job.bootstrap" -}}
{{- $values := .root.Values }}
{{- $tenant := include "kith.tenant" .root | fromJson }}
{{- $settings := include "kith.settings" (dict "layers" (list $values.defaults $values.bootstrap)) | fromJson -}}
component: bootstrap
{{ include "kith.process.image" (dict "root" .root "service" "identity" "settings" $settings) }}
args:
  - bootstrap
  - --once
  - --tenant={{ $tenant.tenant }}
  - {{ printf "--name=%s" $tenant.name | quote }}
  - {{ printf "--email=%s" $tenant.email | quote }}
  - --password-file=/etc/kith/admin/password
env:
  {{- include "kith.env.job" .root | nindent 2 }}
  {{- include "kith.env.mongodb" .root | nindent 2 }}
volumes:
  - name: admin
    secret:
      secretName: {{ include "kith.admin" .root }}
      items: [{key: {{ ternary "password" $values.bootstrap.key (empty $values.bootstrap.existingSecret) | quote }}, path: password}]
volumeMounts:
  - {name: admin, mountPath: /etc/kith/admin, readOnly: true}
{{- end }}

{{/*
Makes the MongoDB of a try-out a replica set of one. Takes root.
*/}}
{{- define "kith.job.replicaSet" -}}
{{- $values := .root.Values }}
{{- $host := include "kith.dev.mongodbHost" .root }}
{{- $settings := include "kith.settings" (dict "layers" (list $values.defaults $values.migrate)) | fromJson -}}
component: replica-set
{{ include "kith.process.image" (dict "root" .root "service" "cli" "settings" $settings) }}
args: [replica-set, --uri=mongodb://{{ $host }}, --name=rs0, --member={{ $host }}]
{{- end }}

{{/*
What every Job of Kith's own code is told.
*/}}
{{- define "kith.env.job" -}}
- name: LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
{{- end }}
