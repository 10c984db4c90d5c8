{{/*
The one Deployment that everything that stays is made of. Takes what `kith.podSpec` takes, and scaled (whether something
else says how many pods there are), podAnnotations.
*/}}
{{- define "kith.deployment" -}}
{{- $settings := .settings -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "kith.metadata" (dict "root" .root "component" .component "labels" $settings.labels "annotations" $settings.annotations) | nindent 2 }}
spec:
  {{- if not .scaled }}
  replicas: {{ int ($settings.replicas | default 0) }}
  {{- end }}
  revisionHistoryLimit: {{ int $settings.revisionHistoryLimit }}
  {{- with $settings.strategy }}
  strategy:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "kith.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "kith.podLabels" . | nindent 8 }}
      {{- with merge (dict) ($settings.podAnnotations | default dict) (.podAnnotations | default dict) }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "kith.podSpec" . | nindent 6 }}
{{- end }}
