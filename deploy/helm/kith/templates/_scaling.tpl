{{/*
Whether something scales a process: prints `autoscaling`, `keda`, or nothing. Takes root, kind, service, settings.
*/}}
{{- define "kith.scaler" -}}
{{- if dig "autoscaling" "enabled" false .settings }}autoscaling
{{- else if and (eq .kind "worker") (dig "keda" "enabled" false .settings) (include "kith.hears" .) }}keda
{{- end }}
{{- end }}

{{/*
Whether a service has a queue: prints `true` or nothing. Takes root, service.
*/}}
{{- define "kith.hears" -}}
{{- if (get (include "kith.catalogue" .root | fromYaml) .service).hears }}true{{ end }}
{{- end }}

{{/*
The fewest pods of a process that there are by intent. Takes root, kind, service, settings.
*/}}
{{- define "kith.fewest" -}}
{{- $scaler := include "kith.scaler" . }}
{{- if $scaler }}{{ int (get .settings $scaler).min }}{{ else }}{{ int .settings.replicas }}{{ end }}
{{- end }}

{{/*
A metric of a HorizontalPodAutoscaler: a number is a percentage of what is requested, a text an amount. Takes resource, target.
*/}}
{{- define "kith.metric" -}}
- type: Resource
  resource:
    name: {{ .resource }}
    target:
      {{- if kindIs "string" .target }}
      type: AverageValue
      averageValue: {{ .target }}
      {{- else }}
      type: Utilization
      averageUtilization: {{ int .target }}
      {{- end }}
{{- end }}

{{/*
A PodDisruptionBudget's limit. Takes a workload's podDisruptionBudget.
*/}}
{{- define "kith.budget" -}}
{{- if not (kindIs "invalid" .minAvailable) -}}
minAvailable: {{ include "kith.numberOrShare" .minAvailable }}
{{- else -}}
maxUnavailable: {{ include "kith.numberOrShare" .maxUnavailable }}
{{- end }}
{{- end }}

{{- define "kith.numberOrShare" -}}
{{- if kindIs "string" . }}{{ quote . }}{{ else }}{{ int . }}{{ end }}
{{- end }}
