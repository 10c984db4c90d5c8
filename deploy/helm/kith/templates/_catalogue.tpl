{{/*
What the services are, as data. `hears`: it has a queue of events. `asks`: the services whose apis its api calls, as the
references in its protos and its code demand; every api asks identity for its keys. `grpc`: the gRPC services that its api
answers, but kith.type.v1.PlatformService, which each of them has for the others.
*/}}
{{- define "kith.catalogue" -}}
contact:
  hears: true
  asks: [identity, sales, cases, notification, insight]
  grpc: [kith.contact.v1.AccountService, kith.contact.v1.ActivityService, kith.contact.v1.ContactService]
sales:
  hears: true
  asks: [identity, contact]
  grpc:
    - kith.sales.v1.LeadService
    - kith.sales.v1.OpportunityService
    - kith.sales.v1.OrderService
    - kith.sales.v1.PipelineService
    - kith.sales.v1.ProductService
cases:
  hears: true
  asks: [identity, contact, sales, notification, insight]
  grpc: [kith.cases.v1.CaseService, kith.cases.v1.MessageService, kith.cases.v1.QueueService]
notification:
  hears: true
  asks: [identity, contact, sales, cases, insight]
  grpc:
    - kith.notification.v1.DeliveryService
    - kith.notification.v1.NotificationService
    - kith.notification.v1.TemplateService
identity:
  hears: false
  asks: []
  grpc:
    - kith.identity.v1.ApiKeyService
    - kith.identity.v1.RoleService
    - kith.identity.v1.SessionService
    - kith.identity.v1.TenantService
    - kith.identity.v1.TokenService
    - kith.identity.v1.UserService
insight:
  hears: true
  asks: [identity]
  grpc: [kith.insight.v1.TimelineEntryService]
{{- end }}

{{/*
The names of the services that run, as a JSON list in the order of the alphabet.
*/}}
{{- define "kith.services" -}}
{{- $names := list }}
{{- range $name, $_ := include "kith.catalogue" . | fromYaml }}
{{- if dig $name "enabled" false $.Values.services }}{{ $names = append $names $name }}{{ end }}
{{- end }}
{{- $names | toJson }}
{{- end }}

{{/*
The services that an api calls and that run, as a JSON list. Takes root, service.
*/}}
{{- define "kith.asked" -}}
{{- $running := include "kith.services" .root | fromJsonArray }}
{{- $asked := list }}
{{- range (index (include "kith.catalogue" .root | fromYaml) .service).asks }}
{{- if has . $running }}{{ $asked = append $asked . }}{{ end }}
{{- end }}
{{- $asked | toJson }}
{{- end }}
