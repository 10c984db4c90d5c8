{{/*
The reference of one of Kith's own images. Takes root, target (contact, gateway, cli …), image (a workload's own choice).
*/}}
{{- define "kith.image" -}}
{{- $own := .image | default dict }}
{{- $all := .root.Values.image }}
{{- $tag := $own.tag | default $all.tag | default .root.Chart.AppVersion }}
{{- $another := or $own.tag $own.repository }}
{{- $digest := $own.digest | default (ternary "" (get $all.digests .target) (not (empty $another))) }}
{{- $repository := $own.repository | default (printf "%s%s" $all.prefix .target) }}
{{- include "kith.reference" (dict "root" .root "image" (dict
      "registry" ($own.registry | default $all.registry) "repository" $repository "tag" $tag "digest" $digest)) }}
{{- end }}

{{/*
The reference of any image: `global.imageRegistry` counts more than its own registry, a digest more than a tag.
Takes root, image (registry, repository, tag, digest).
*/}}
{{- define "kith.reference" -}}
{{- $registry := .root.Values.global.imageRegistry | default .image.registry | default "" | trimSuffix "/" }}
{{- $name := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") }}
{{- if .image.digest }}{{ printf "%s@%s" $name .image.digest }}{{ else }}{{ printf "%s:%s" $name (.image.tag | toString) }}{{ end }}
{{- end }}

{{/*
The Secrets with which images are pulled, each once, as a list of objects; nothing when there are none.
*/}}
{{- define "kith.pullSecrets" -}}
{{- $names := list }}
{{- range concat .Values.global.imagePullSecrets .Values.image.pullSecrets }}
{{- $names = append $names (kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") .) }}
{{- end }}
{{- range uniq $names }}
- name: {{ . }}
{{- end }}
{{- end }}
