{{/*
What a workload is told, as JSON: layers of values over each other, the later ones over the earlier ones. Lists that begin
with `extra` add up instead. Takes layers.
*/}}
{{- define "kith.settings" -}}
{{- $settings := dict }}
{{- range .layers }}{{ $settings = mergeOverwrite $settings (deepCopy (. | default dict)) }}{{ end }}
{{- range $name, $key := dict "extraEnv" "name" "extraVolumes" "name" "extraVolumeMounts" "mountPath" "extraEnvFrom" "" }}
{{- $lists := list }}
{{- range $.layers }}{{ $lists = append $lists (get (. | default dict) $name | default list) }}{{ end }}
{{- $_ := set $settings $name (include "kith.byName" (dict "lists" $lists "key" $key) | fromJsonArray) }}
{{- end }}
{{- $settings | toJson }}
{{- end }}

{{/*
Lists of objects as one, in JSON. Of those that have the same `key` the last one stays, where it stands. Takes lists, key.
*/}}
{{- define "kith.byName" -}}
{{- $all := list }}
{{- range .lists }}{{ $all = concat $all . }}{{ end }}
{{- $kept := list }}
{{- $seen := dict }}
{{- range reverse $all }}
{{- $name := get . $.key | default (toJson .) }}
{{- if not (hasKey $seen $name) }}{{ $kept = prepend $kept . }}{{ end }}
{{- $_ := set $seen $name true }}
{{- end }}
{{- $kept | toJson }}
{{- end }}

{{/*
The defaults for what is not Kith's own code: nothing that is meant for Kith's processes. Takes the root.
*/}}
{{- define "kith.foreignDefaults" -}}
{{- omit .Values.defaults "extraEnv" "extraEnvFrom" "extraVolumes" "extraVolumeMounts" | toJson }}
{{- end }}
