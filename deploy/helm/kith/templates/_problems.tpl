{{/*
What is wrong with the values, one line each: the value, what is wrong, and what to do. Types and names of values are the
schema's business (values.schema.json); here is what one value means for another.
*/}}
{{- define "kith.problems" -}}
{{- include "kith.problems.names" . }}
{{- include "kith.problems.servers" . }}
{{- include "kith.problems.secrets" . }}
{{- include "kith.problems.images" . }}
{{- include "kith.problems.services" . }}
{{- include "kith.problems.waysIn" . }}
{{- include "kith.problems.tls" . }}
{{- include "kith.problems.addresses" . }}
{{- include "kith.problems.telemetry" . }}
{{- end }}

{{/*
Names at the top that are nobody's. The schema cannot refuse them: a chart that has this one as a dependency may say
`enabled`, `tags` and `exports`, and names that begin with `x-` hold YAML anchors.
*/}}
{{- define "kith.problems.names" -}}
{{- $known := list "global" "nameOverride" "fullnameOverride" "image" "mongodb" "rabbitmq" "smtp" "signingKeys" "secrets" "bootstrap"
      "publicUrl" "logLevel" "databasePrefix" "listenHost" "tracing" "defaults" "api" "worker" "gateway" "migrate" "jobs" "services"
      "serviceAccount" "ingress" "httpRoute" "grpcRoute" "tls" "networkPolicy" "metrics" "collector" "jaeger" "dev" "cli" "test"
      "commonLabels" "commonAnnotations" "enabled" "tags" "exports" }}
{{- range $name, $_ := .Values }}
{{- if not (or (has $name $known) (hasPrefix "x-" $name)) }}
- {{ $name }} is not allowed: the chart has no value of that name. README.md lists all of them.
{{- end }}
{{- end }}
{{- end }}

{{- define "kith.problems.servers" -}}
{{- range $name, $server := dict "mongodb" .Values.mongodb "rabbitmq" .Values.rabbitmq "smtp" .Values.smtp }}
{{- if $server.uri }}
- {{ $name }}.uri is not allowed: values are no place for passwords. Put the URI into a Secret under the key `{{ $server.key }}` and name that in {{ $name }}.existingSecret.
{{- end }}
{{- end }}
{{- if not (or .Values.mongodb.existingSecret (include "kith.dev.mongodb" .)) }}
- mongodb.existingSecret is empty: name the Secret whose key `{{ .Values.mongodb.key }}` holds the URI of a MongoDB replica set, or try Kith out with dev.enabled=true.
{{- end }}
{{- if not (or .Values.rabbitmq.existingSecret (include "kith.dev.rabbitmq" .)) }}
- rabbitmq.existingSecret is empty: name the Secret whose key `{{ .Values.rabbitmq.key }}` holds the URI of a RabbitMQ virtual host, or try Kith out with dev.enabled=true.
{{- end }}
{{- end }}

{{- define "kith.problems.secrets" -}}
{{- $tenant := include "kith.tenant" . | default "{}" | fromJson }}
{{- if not (or .Values.secrets.create .Values.signingKeys.existingSecret) }}
- signingKeys.existingSecret is empty and secrets.create is false: name a Secret with the PEM files that `python -m services.identity keygen` makes, or let the Job make it.
{{- end }}
{{- if and $tenant (not (or .Values.secrets.create .Values.bootstrap.existingSecret)) }}
- bootstrap.existingSecret is empty and secrets.create is false: name a Secret with the administrator's password, or let the Job make it.
{{- end }}
{{- if and $tenant (not $tenant.email) }}
- bootstrap.email is empty: give the administrator's address, since bootstrap.tenant is {{ $tenant.tenant }}.
{{- end }}
{{- end }}

{{- define "kith.problems.images" -}}
{{- $targets := append (keys (include "kith.catalogue" . | fromYaml) | sortAlpha) "gateway" | concat (list "cli") }}
{{- range $target, $digest := .Values.image.digests }}
{{- if not (has $target $targets) }}
- image.digests.{{ $target }} is the digest of no image of Kith: there are {{ join ", " $targets }}.
{{- end }}
{{- include "kith.problems.digest" (dict "path" (printf "image.digests.%s" $target) "digest" $digest) }}
{{- end }}
{{- range $path, $image := dict "collector.image" .Values.collector.image "jaeger.image" .Values.jaeger.image
      "dev.mongodb.image" .Values.dev.mongodb.image "dev.rabbitmq.image" .Values.dev.rabbitmq.image }}
{{- include "kith.problems.digest" (dict "path" (printf "%s.digest" $path) "digest" $image.digest) }}
{{- end }}
{{- end }}

{{- define "kith.problems.digest" -}}
{{- if and .digest (not (regexMatch "^sha256:[0-9a-f]{64}$" .digest)) }}
- {{ .path }} is {{ .digest | quote }}: a digest is sha256: and 64 hexadecimal digits.
{{- end }}
{{- end }}

{{- define "kith.problems.services" -}}
{{- $catalogue := include "kith.catalogue" . | fromYaml }}
{{- range $kind := list "api" "worker" "gateway" }}
{{- include "kith.problems.workload" (dict "path" $kind "settings" (get $.Values $kind)) }}
{{- end }}
{{- range $name, $service := .Values.services }}
{{- if not (hasKey $catalogue $name) }}
- services.{{ $name }}: there is no such service; there are {{ keys $catalogue | sortAlpha | join ", " }}.
{{- else }}
{{- range $kind := list "api" "worker" }}
{{- $own := get $service $kind | default dict }}
{{- if pick $own "replicas" "autoscaling" "keda" "podDisruptionBudget" "drainSeconds" "terminationGracePeriodSeconds" "image" }}
{{- $settings := mergeOverwrite (deepCopy (get $.Values $kind)) (deepCopy $own) }}
{{- include "kith.problems.workload" (dict "path" (printf "services.%s.%s" $name $kind) "settings" $settings) }}
{{- end }}
{{- end }}
{{- if and (dig "worker" "keda" "enabled" false $service) (not (get $catalogue $name).hears) }}
- services.{{ $name }}.worker.keda.enabled is true, but this worker has no queue: give its number of pods by replicas.
{{- end }}
{{- end }}
{{- end }}
{{- if not .Values.services.identity.enabled }}
- services.identity.enabled is false: the other services cannot do without identity, which tells them who calls.
{{- end }}
{{- end }}

{{/*
What is wrong with a workload's settings. Takes path, settings.
*/}}
{{- define "kith.problems.workload" -}}
{{- $path := .path }}
{{- $autoscaling := .settings.autoscaling }}
{{- $keda := .settings.keda | default dict }}
{{- if and $autoscaling.enabled $keda.enabled }}
- {{ $path }}.keda.enabled and {{ $path }}.autoscaling.enabled are both true: two scalers would fight over one Deployment. Enable one.
{{- end }}
{{- if and $keda.enabled (lt (int $keda.min) 1) }}
- {{ $path }}.keda.min is {{ $keda.min }}: give at least 1. A worker also sends its own service's events, and nobody would when there is none.
{{- end }}
{{- range $name, $scaler := dict "autoscaling" $autoscaling "keda" $keda }}
{{- if and $scaler.enabled (lt (int $scaler.max) (int $scaler.min)) }}
- {{ $path }}.{{ $name }}.max is {{ $scaler.max }}, less than {{ $path }}.{{ $name }}.min, which is {{ $scaler.min }}.
{{- end }}
{{- end }}
{{- if and $autoscaling.enabled (not (or $autoscaling.targetCPU $autoscaling.targetMemory)) }}
- {{ $path }}.autoscaling.targetCPU and targetMemory are both empty: say by what it scales.
{{- end }}
{{- include "kith.problems.budget" . }}
{{- if hasKey .settings "drainSeconds" }}
{{- if le (int .settings.terminationGracePeriodSeconds) (int (add (int .settings.drainSeconds) 10)) }}
- {{ $path }}.terminationGracePeriodSeconds is {{ int .settings.terminationGracePeriodSeconds }}: a pod serves on for {{ $path }}.drainSeconds ({{ .settings.drainSeconds }}) and then has 10 seconds to end what it has begun. Give more than their sum.
{{- end }}
{{- end }}
{{- include "kith.problems.digest" (dict "path" (printf "%s.image.digest" $path) "digest" (.settings.image | default dict).digest) }}
{{- end }}

{{/*
A budget that lets no pod go blocks the drain of a node for ever. Takes path, settings.
*/}}
{{- define "kith.problems.budget" -}}
{{- $budget := .settings.podDisruptionBudget }}
{{- $pods := int .settings.replicas }}
{{- range list .settings.autoscaling (.settings.keda | default dict) }}{{ if .enabled }}{{ $pods = int .min }}{{ end }}{{ end }}
{{- if and $budget.enabled (gt $pods 1) }}
{{- if kindIs "invalid" $budget.minAvailable }}
{{- if or (kindIs "invalid" $budget.maxUnavailable) (eq (toString $budget.maxUnavailable | trimSuffix "%" | int) 0) }}
- {{ .path }}.podDisruptionBudget.maxUnavailable lets no pod go: nodes could never be drained. Give at least 1.
{{- end }}
{{- else if ge (include "kith.atLeast" (dict "share" $budget.minAvailable "pods" $pods) | int) $pods }}
- {{ .path }}.podDisruptionBudget.minAvailable is {{ $budget.minAvailable }} of {{ $pods }} pods: nodes could never be drained. Give less, or use maxUnavailable.
{{- end }}
{{- end }}
{{- end }}

{{/*
A number or a percentage of pods as a number, rounded up as Kubernetes does. Takes share, pods.
*/}}
{{- define "kith.atLeast" -}}
{{- if hasSuffix "%" (toString .share) }}
{{- div (add (mul (toString .share | trimSuffix "%" | int) .pods) 99) 100 }}
{{- else }}{{ int .share }}{{ end }}
{{- end }}

{{- define "kith.problems.waysIn" -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
- ingress.host is empty: name the host at which people reach Kith, such as crm.example.com.
{{- end }}
{{- range $route := list "httpRoute" "grpcRoute" }}
{{- with get $.Values $route }}
{{- if and .enabled (not .parentRefs) }}
- {{ $route }}.parentRefs is empty: say which Gateway the route belongs to, such as [{name: public, namespace: gateways}].
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.gateway.service.nodePort (eq .Values.gateway.service.type "ClusterIP") }}
- gateway.service.nodePort is {{ int .Values.gateway.service.nodePort }}, but gateway.service.type is ClusterIP: make it NodePort or LoadBalancer.
{{- end }}
{{- end }}

{{- define "kith.problems.tls" -}}
{{- with .Values.tls.internal }}
{{- if and .enabled (not (or .existingSecret .certManager.enabled)) }}
- tls.internal.enabled is true, but there is no certificate: name a Secret by tls.internal.existingSecret, or have one made with tls.internal.certManager.enabled=true.
{{- end }}
{{- if and .enabled .certManager.enabled (not .existingSecret) (not .certManager.issuerRef.name) }}
- tls.internal.certManager.issuerRef has no name: say which issuer makes the certificate, such as {name: internal, kind: ClusterIssuer}.
{{- end }}
{{- end }}
{{- end }}

{{- define "kith.problems.addresses" -}}
{{- range $path, $url := dict "publicUrl" .Values.publicUrl "tracing.endpoint" .Values.tracing.endpoint }}
{{- if and $url (not (regexMatch "^https?://[^/]" $url)) }}
- {{ $path }} is {{ $url | quote }}: give a URL that begins with https:// or http://.
{{- end }}
{{- end }}
{{- range .Values.gateway.corsOrigins }}
{{- if not (regexMatch "^https?://[^/*]+$" .) }}
- gateway.corsOrigins has {{ . | quote }}: give origins such as https://crm.example.com, without a path or `*`.
{{- end }}
{{- end }}
{{- end }}

{{- define "kith.problems.telemetry" -}}
{{- if not (has (upper .Values.logLevel) (list "DEBUG" "INFO" "WARNING" "ERROR")) }}
- logLevel is {{ .Values.logLevel | quote }}: give DEBUG, INFO, WARNING or ERROR.
{{- end }}
{{- with .Values.collector }}
{{- if and .enabled (not (or .endpoint .config $.Values.jaeger.enabled)) }}
- collector.endpoint is empty: say where the collector shall send what it takes, or enable jaeger.
{{- end }}
{{- end }}
{{- end }}
