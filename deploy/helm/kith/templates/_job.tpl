{{/*
A Job whose name ends in a hash of its pod: a Job's pod cannot be changed, so one that shall run something else is another
Job, and what has run once does not run again. Takes what `kith.podSpec` takes.
*/}}
{{- define "kith.job" -}}
{{- $jobs := .root.Values.jobs }}
{{- $settings := .settings }}
{{- $labels := include "kith.podLabels" (merge (dict "job" true) .) }}
{{- $annotations := $settings.podAnnotations | default dict | toYaml }}
{{- $pod := include "kith.podSpec" (merge (dict "restartPolicy" "OnFailure") .) }}
{{- $hash := printf "%s\n%s\n%s" $labels $annotations $pod | sha256sum | trunc 8 -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "kith.metadata" (dict "root" .root "component" .component "labels" $settings.labels "annotations" $settings.annotations
        "name" (printf "%s-%s" (include "kith.nameOf" .) $hash)) | nindent 2 }}
spec:
  backoffLimit: {{ int $jobs.backoffLimit }}
  activeDeadlineSeconds: {{ int $jobs.activeDeadlineSeconds }}
  {{- if not (kindIs "invalid" $jobs.ttlSecondsAfterFinished) }}
  ttlSecondsAfterFinished: {{ int $jobs.ttlSecondsAfterFinished }}
  {{- end }}
  template:
    metadata:
      labels:
        {{- $labels | nindent 8 }}
      {{- with $settings.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- $pod | nindent 6 }}
{{- end }}
