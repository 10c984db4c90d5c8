{{/*
The labels by which a component's pods are known. They never change. Takes root, component.
*/}}
{{- define "kith.selector" -}}
app.kubernetes.io/name: {{ include "kith.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/*
The version that runs, as a label may hold it.
*/}}
{{- define "kith.version" -}}
{{- .Values.image.tag | default .Chart.AppVersion | toString | replace "+" "-" | trunc 63 | trimAll "-_." | quote }}
{{- end }}

{{/*
An object's metadata. Takes root, component, and optionally name, labels, annotations.
*/}}
{{- define "kith.metadata" -}}
{{- $own := include "kith.objectLabels" . | fromYaml }}
{{- $annotations := merge (dict) (.annotations | default dict) .root.Values.commonAnnotations -}}
name: {{ .name | default (include "kith.nameOf" .) }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- merge $own (.labels | default dict) .root.Values.commonLabels | toYaml | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kith.objectLabels" -}}
{{ include "kith.selector" . }}
app.kubernetes.io/part-of: kith
app.kubernetes.io/version: {{ include "kith.version" .root }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimAll "-_." }}
{{- end }}

{{/*
A pod's labels. A Job's pod goes without `commonLabels`: it cannot be changed once it is there. Takes root, component,
settings, job.
*/}}
{{- define "kith.podLabels" -}}
{{- $own := include "kith.selector" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/part-of" "kith" }}
{{- $_ := set $own "app.kubernetes.io/version" (include "kith.version" .root | trimAll "\"") }}
{{- $common := ternary (dict) .root.Values.commonLabels (.job | default false) }}
{{- merge $own (.settings.podLabels | default dict) $common | toYaml }}
{{- end }}
