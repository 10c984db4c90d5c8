{{/*
The one pod that everything runs in: restricted Pod Security, no token, `/tmp` to write to. Takes root, component, settings,
and the container:
  image, command, args, env, ports, probes (startupProbe …), volumes, volumeMounts
  pullPolicy     when it is not the chart's
  account        a ServiceAccount whose token is mounted, in place of the one that all share
  restartPolicy  for Jobs and tests
  hostAliases    names that the pod finds without DNS
  spread         whether the pods of the workload keep apart
*/}}
{{- define "kith.podSpec" -}}
{{- $settings := .settings -}}
serviceAccountName: {{ .account | default (include "kith.account" .root) }}
automountServiceAccountToken: {{ not (empty .account) }}
enableServiceLinks: false
{{- with .hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "kith.pullSecrets" .root }}
imagePullSecrets:
  {{- . | trim | nindent 2 }}
{{- end }}
{{- with .restartPolicy }}
restartPolicy: {{ . }}
{{- end }}
{{- with $settings.terminationGracePeriodSeconds }}
terminationGracePeriodSeconds: {{ int . }}
{{- end }}
{{- with $settings.podSecurityContext }}
securityContext:
  {{- include "kith.withoutNulls" . | nindent 2 }}
{{- end }}
{{- with include "kith.scheduling" . | trim }}
{{ . }}
{{- end }}
{{- if .spread }}
{{- with include "kith.spreading" . | trim }}
{{ . }}
{{- end }}
{{- end }}
containers:
  - name: {{ .container | default .component }}
    {{- include "kith.container" . | nindent 4 }}
volumes:
  {{- include "kith.byName" (dict "key" "name" "lists" (list
        (list (dict "name" "tmp" "emptyDir" (dict)))
        (.volumes | default list)
        ($settings.extraVolumes | default list))) | fromJsonArray | toYaml | nindent 2 }}
{{- end }}

{{- define "kith.container" -}}
{{- $settings := .settings -}}
image: {{ .image | quote }}
imagePullPolicy: {{ .pullPolicy | default .root.Values.image.pullPolicy }}
{{- with .command }}
command: {{ toJson . }}
{{- end }}
{{- with .args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "kith.mergedEnv" (dict "own" .env "extra" $settings.extraEnv) | fromJsonArray }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .ports }}
ports:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .probes }}
{{ toYaml . }}
{{- end }}
{{- with $settings.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.securityContext }}
securityContext:
  {{- include "kith.withoutNulls" . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- include "kith.byName" (dict "key" "mountPath" "lists" (list
        (list (dict "name" "tmp" "mountPath" "/tmp"))
        (.volumeMounts | default list)
        ($settings.extraVolumeMounts | default list))) | fromJsonArray | toYaml | nindent 2 }}
{{- end }}

{{/*
The chart's variables and the user's as one list in JSON, each name once: the user's count. The user's come last, so that
they may refer to the chart's. Takes own, extra.
*/}}
{{- define "kith.mergedEnv" -}}
{{- include "kith.byName" (dict "key" "name" "lists" (list (.own | default list) (.extra | default list))) }}
{{- end }}

{{/*
A map without what is null: so a default can be taken back, as OpenShift needs it.
*/}}
{{- define "kith.withoutNulls" -}}
{{- $kept := dict }}
{{- range $name, $value := . }}{{ if not (kindIs "invalid" $value) }}{{ $_ := set $kept $name $value }}{{ end }}{{ end }}
{{- toYaml $kept }}
{{- end }}
