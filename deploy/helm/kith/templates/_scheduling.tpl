{{/*
Where pods run. Takes root, component, settings.
*/}}
{{- define "kith.scheduling" -}}
{{- with .settings.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .settings.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .settings.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
Where the pods of one workload run with regard to each other. Takes root, component, settings.
*/}}
{{- define "kith.spreading" -}}
{{- if not .settings.affinity }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "kith.selector" . | nindent 14 }}
{{- end }}
{{- if .settings.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range .settings.topologySpread.topologyKeys }}
  - topologyKey: {{ . }}
    maxSkew: {{ $.settings.topologySpread.maxSkew }}
    whenUnsatisfiable: {{ $.settings.topologySpread.whenUnsatisfiable }}
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "kith.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}
