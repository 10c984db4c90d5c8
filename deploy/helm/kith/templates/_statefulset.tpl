{{/*
A server of a try-out: one pod with one volume, which goes when the release goes. Its pod does not bear Kith's version, for
an upgrade of Kith must not replace it. Takes what `kith.podSpec` takes, and storage; its container mounts the volume `data`.
*/}}
{{- define "kith.statefulSet" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "kith.metadata" . | nindent 2 }}
spec:
  serviceName: {{ include "kith.nameOf" . }}
  replicas: 1
  revisionHistoryLimit: {{ int .settings.revisionHistoryLimit }}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}
  selector:
    matchLabels:
      {{- include "kith.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- omit (include "kith.podLabels" . | fromYaml) "app.kubernetes.io/version" | toYaml | nindent 8 }}
      {{- with merge (dict) (.settings.podAnnotations | default dict) (.podAnnotations | default dict) }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "kith.podSpec" . | nindent 6 }}
  volumeClaimTemplates:
    - metadata:
        name: data
        labels:
          {{- include "kith.selector" . | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .root.Values.global.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .storage }}
{{- end }}

{{/*
A Service of a component. Takes root, component, ports (name: number), and headless when pods are to be found by their names,
also before they are ready.
*/}}
{{- define "kith.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "kith.metadata" . | nindent 2 }}
spec:
  {{- if .headless }}
  clusterIP: None
  publishNotReadyAddresses: true
  {{- end }}
  selector:
    {{- include "kith.selector" . | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - {name: {{ $name }}, port: {{ $port }}, targetPort: {{ $name }}}
    {{- end }}
{{- end }}

{{/*
Probes of a server that is not Kith's: by HTTP at a path, or by connecting when there is none. Takes port, path.
*/}}
{{- define "kith.probes.foreign" -}}
{{- $question := ternary (dict "httpGet" (dict "path" .path "port" .port)) (dict "tcpSocket" (dict "port" .port)) (hasKey . "path") }}
{{- $often := dict "startup" (dict "periodSeconds" 1 "failureThreshold" 180) "liveness" (dict "periodSeconds" 10 "timeoutSeconds" 5)
      "readiness" (dict "periodSeconds" 3 "timeoutSeconds" 3) }}
{{- include "kith.probes" (dict "live" $question "ready" $question "probes" $often) }}
{{- end }}
