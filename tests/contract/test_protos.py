"""The protos keep the shapes that the engine, the gateway and every client rely on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from buf.validate import validate_pb2
from google.api import annotations_pb2, field_behavior_pb2, resource_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from kith.type.v1 import options_pb2

from services.chassis import protos
from services.chassis.asyncapi import STANDARD_VERBS
from services.chassis.bus.topology import matches

SYSTEM_FIELDS = {"name": 1, "etag": 2, "create_time": 3, "update_time": 4, "delete_time": 5, "creator": 6}
READ_ONLY = {"Delivery", "TimelineEntry"}
"""Records that only the platform writes: they have reading methods, and history if they are no projection."""
LIST_REQUEST = {"page_size": 1, "page_token": 2, "filter": 3, "order_by": 4, "show_deleted": 5, "q": 6}
RECORDS = protos.records()


def test_there_are_the_records_that_the_product_promises() -> None:
    assert {record.name for record in RECORDS} >= {
        *("Account", "Contact", "Activity", "Lead", "Pipeline", "Opportunity", "Product", "Order", "Case", "Message"),
        *("Queue", "Template", "Notification", "Delivery", "Tenant", "User", "Role", "ApiKey", "TimelineEntry"),
    }


def test_every_record_is_a_resource_with_the_fields_that_the_engine_sets() -> None:
    for record in RECORDS:
        resource = _resource(record)
        assert resource.type == f"kith.dev/{record.name}", record.full_name
        assert resource.singular == record.name[0].lower() + record.name[1:], record.full_name
        assert list(resource.pattern) == [f"{resource.plural}/{{{_snake(resource.singular)}}}"], record.full_name
        options: Any = record.GetOptions()
        assert options.HasExtension(options_pb2.record), f"{record.full_name} has no record option"
        assert {name: record.fields_by_name[name].number for name in SYSTEM_FIELDS} == SYSTEM_FIELDS, record.full_name
        own = [field for field in record.fields if field.name not in SYSTEM_FIELDS]
        assert own, f"{record.full_name} has no fields of its own"
        assert all(field.number >= 10 for field in own), record.full_name
        for name in ("create_time", "update_time", "delete_time", "creator"):
            assert _behaves(record.fields_by_name[name], "OUTPUT_ONLY"), f"{record.full_name}.{name}"
        assert _behaves(record.fields_by_name["name"], "IDENTIFIER"), record.full_name


def test_every_record_has_its_standard_methods_with_the_shapes_of_the_aips() -> None:
    for record in RECORDS:
        service = _service(record)
        one, many = record.name, _pascal(_resource(record).plural)
        reading = {f"Get{one}", f"List{many}", f"BatchGet{many}"}
        writing = {f"Create{one}", f"Update{one}", f"Delete{one}", f"Undelete{one}", f"BatchCreate{many}"}
        expected = reading if one in READ_ONLY else {*reading, *writing, f"List{one}Changes"}
        assert expected <= set(service.methods_by_name), f"{service.full_name} lacks a standard method"
        if one in READ_ONLY:
            assert not writing & set(service.methods_by_name), f"{service.full_name} writes what is read only"
        for name in expected:
            _check_shape(service.methods_by_name[name], record)


def test_every_method_names_a_permission_on_its_records_plural() -> None:
    plurals = {_resource(record).plural: record for record in RECORDS}
    for method in _methods():
        permission = protos.permission(method)
        assert permission, f"{method.full_name} has no permission"
        if permission in ("public", "signedIn", "operator", "events.read"):
            continue
        noun, _, verb = permission.partition(".")
        assert noun in plurals, f"{method.full_name}: {permission} is about no record"
        assert f"{plurals[noun].name}Service" == method.containing_service.name, f"{method.full_name}: {permission}"
        assert re.fullmatch(r"[a-z][A-Za-z]*", verb), f"{method.full_name}: {permission}"
        standard = _standard_verb(method)
        if standard:
            assert verb == standard, f"{method.full_name}: {permission}, though it is to {standard}"


def test_every_method_but_the_platforms_own_is_served_over_rest_as_decided() -> None:
    for record in RECORDS:
        plural = _resource(record).plural
        one, many, kind = record.name, _pascal(plural), _snake(_resource(record).singular)
        expected = {
            f"Create{one}": ("post", f"/v1/{plural}", kind),
            f"Get{one}": ("get", f"/v1/{{name={plural}/*}}", ""),
            f"List{many}": ("get", f"/v1/{plural}", ""),
            f"Update{one}": ("patch", f"/v1/{{{kind}.name={plural}/*}}", kind),
            f"Delete{one}": ("delete", f"/v1/{{name={plural}/*}}", ""),
            f"Undelete{one}": ("post", f"/v1/{{name={plural}/*}}:undelete", "*"),
            f"BatchGet{many}": ("get", f"/v1/{plural}:batchGet", ""),
            f"BatchCreate{many}": ("post", f"/v1/{plural}:batchCreate", "*"),
            f"List{one}Changes": ("get", f"/v1/{{name={plural}/*}}/changes", ""),
        }
        for method in _service(record).methods:
            rule = _rule(method)
            if method.name in expected:
                assert rule == expected[method.name], method.full_name
            elif rule[0] != "get":
                assert rule[0] == "post", method.full_name
                assert rule[2] == "*", method.full_name
                assert re.search(r":[a-z][A-Za-z]*$", rule[1]), f"{method.full_name}: {rule[1]} has no verb"
    for method in _methods():
        platform = method.containing_service.name == "PlatformService"
        assert method.GetOptions().HasExtension(annotations_pb2.http) != platform, method.full_name


def test_only_what_can_be_indexed_is_filterable_and_only_texts_are_searchable() -> None:
    for message in _messages():
        for field in message.fields:
            options = _options(field)
            inner = field.message_type
            known = inner is not None and inner.full_name == "google.protobuf.Timestamp"
            if options.filterable:
                assert inner is None or known, f"{field.full_name}: no single value to compare with"
                assert field.type != FieldDescriptor.TYPE_BYTES, field.full_name
            if options.searchable:
                assert field.type == FieldDescriptor.TYPE_STRING, f"{field.full_name}: only texts have words"
                assert not _reference(field), f"{field.full_name}: a name is no word"
            if options.unique:
                assert options.filterable, f"{field.full_name}: unique needs an index"
                assert not field.is_repeated, field.full_name


def test_what_is_secret_is_neither_found_nor_shown_by_accident() -> None:
    secret = re.compile(r"(?<!page_)(password|secret|token)$|api_key$")
    for message in _messages():
        for field in message.fields:
            if (
                field.type == FieldDescriptor.TYPE_STRING
                and secret.search(field.name)
                and field.name != "next_page_token"
            ):
                options = _options(field)
                assert field.GetOptions().debug_redact, f"{field.full_name} is printed in the clear"
                assert options.personal, f"{field.full_name} may get into logs"
                assert not options.filterable, field.full_name
                assert not options.searchable, field.full_name


def test_every_text_that_a_caller_may_set_has_a_limit() -> None:
    endless = []
    for message in _messages():
        if not message.name.endswith("Request") and not _is_part_of_input(message):
            continue
        for field in message.fields:
            if field.type != FieldDescriptor.TYPE_STRING or _behaves(field, "OUTPUT_ONLY") or field.name == "name":
                continue
            rules = _rules(field)
            text = rules.repeated.items.string if field.is_repeated else rules.string
            if not (text.HasField("max_len") or text.HasField("pattern")):
                endless.append(field.full_name)
            if field.is_repeated and not rules.repeated.HasField("max_items"):
                endless.append(f"{field.full_name} (as a list)")
    assert not endless, f"no limit: {endless}"


def test_every_enum_is_closed_and_begins_with_nothing_said() -> None:
    for message in _messages():
        for field in message.fields:
            if field.enum_type is None or not field.enum_type.full_name.startswith("kith."):
                continue
            prefix = _snake(field.enum_type.name).lstrip("_").upper()
            assert field.enum_type.values[0].name == f"{prefix}_UNSPECIFIED", field.enum_type.full_name
            assert all(value.name.startswith(f"{prefix}_") for value in field.enum_type.values), (
                field.enum_type.full_name
            )
            if not field.is_repeated:
                assert _rules(field).enum.defined_only, f"{field.full_name} takes any number"


def test_every_reference_names_a_kind_of_record_that_there_is() -> None:
    kinds = {_resource(record).type for record in RECORDS} | {"*"}
    for message in _messages():
        for field in message.fields:
            if reference := _reference(field):
                assert reference in kinds, f"{field.full_name} refers to {reference}"
                assert field.type == FieldDescriptor.TYPE_STRING, field.full_name


def test_every_events_verb_is_documented_and_no_standard_one() -> None:
    for record in RECORDS:
        declared = _declared(record)
        verbs = [event.verb for event in declared.events]
        assert len(verbs) == len(set(verbs)), record.full_name
        assert not set(verbs) & set(STANDARD_VERBS), f"{record.full_name} declares what every record has"
        for event in declared.events:
            assert re.fullmatch(r"[a-z][a-z_]*", event.verb), f"{record.full_name}: {event.verb}"
            assert event.description.endswith("."), f"{record.full_name}.{event.verb} is not documented"
        assert not (declared.projection and verbs), f"{record.full_name}: a projection tells nothing"


def test_every_subscription_binds_to_an_exchange_and_to_events_that_there_are() -> None:
    emitted: dict[str, set[str]] = {}
    for record in RECORDS:
        declared = _declared(record)
        if not declared.projection:
            keys = emitted.setdefault(f"{protos.process(record)}.events", set())
            kind = _snake(_resource(record).singular)
            keys |= {f"{kind}.{verb}" for verb in (*STANDARD_VERBS, *(event.verb for event in declared.events))}
    found = 0
    for file in protos.files():
        for subscription in _subscriptions(file.GetOptions()):
            found += 1
            assert file.name.endswith("/events.proto"), f"{file.name}: subscriptions stand in events.proto"
            assert subscription.exchange in emitted, f"{file.name}: there is no exchange {subscription.exchange}"
            assert subscription.description, f"{file.name}: why {subscription.exchange} is heard is not said"
            for key in subscription.keys:
                hears = any(matches(key, one) for one in emitted[subscription.exchange])
                assert hears, f"{file.name}: {subscription.exchange} never tells {key}"
    assert found > 8


def test_everything_in_the_protos_is_commented() -> None:
    comments = protos.comments()
    bare = [method.full_name for method in _methods() if method.full_name not in comments]
    bare += [service.full_name for service in protos.services() if service.full_name not in comments]
    for message in _messages():
        bare += [message.full_name] if message.full_name not in comments else []
        bare += [field.full_name for field in message.fields if field.full_name not in comments]
    assert not bare, f"no comment: {bare}"


def _check_shape(method: MethodDescriptor, record: Descriptor) -> None:
    kind, plural = _snake(_resource(record).singular), _snake(_resource(record).plural)
    request, response = method.input_type, method.output_type
    one, many = record.name, _pascal(_resource(record).plural)
    shapes: dict[str, tuple[dict[str, int], str]] = {
        f"Create{one}": ({kind: 1, "request_id": 2}, one),
        f"Get{one}": ({"name": 1}, one),
        f"List{many}": (LIST_REQUEST, f"List{many}Response"),
        f"Update{one}": ({kind: 1, "update_mask": 2, "request_id": 3}, one),
        f"Delete{one}": ({"name": 1, "etag": 2, "request_id": 3}, one),
        f"Undelete{one}": ({"name": 1, "etag": 2, "request_id": 3}, one),
        f"BatchGet{many}": ({"names": 1}, f"BatchGet{many}Response"),
        f"BatchCreate{many}": ({"requests": 1, "request_id": 2}, f"BatchCreate{many}Response"),
        f"List{one}Changes": ({"name": 1, "page_size": 2, "page_token": 3}, f"List{one}ChangesResponse"),
    }
    fields, answer = shapes[method.name]
    assert request.name == f"{method.name}Request", method.full_name
    assert {field.name: field.number for field in request.fields} == fields, request.full_name
    assert response.name == answer, method.full_name
    if answer.startswith("List") and answer.endswith("ChangesResponse"):
        assert {field.name: field.number for field in response.fields} == {"changes": 1, "next_page_token": 2}
    elif answer.startswith("List"):
        assert {field.name: field.number for field in response.fields} == {plural: 1, "next_page_token": 2}
    elif answer.startswith("Batch"):
        assert {field.name: field.number for field in response.fields} == {plural: 1}
    assert not method.client_streaming, method.full_name
    assert not method.server_streaming, method.full_name


def _standard_verb(method: MethodDescriptor) -> str:
    for prefix, verb in (("BatchCreate", "create"), ("BatchGet", "read"), ("Create", "create"), ("Get", "read")):
        if method.name.startswith(prefix):
            return verb
    verbs = {"List": "read", "Update": "update", "Delete": "delete", "Undelete": "delete"}
    return next((verb for prefix, verb in verbs.items() if method.name.startswith(prefix)), "")


def _methods() -> Iterator[MethodDescriptor]:
    return (method for service in protos.services() for method in service.methods)


def _messages() -> Iterator[Descriptor]:
    return (message for file in protos.files() for message in file.message_types_by_name.values())


def _is_part_of_input(message: Descriptor) -> bool:
    """Whether a record that callers write holds it, or is it."""
    written = [record for record in RECORDS if record.name not in READ_ONLY]
    seen: set[str] = set()
    while written:
        one = written.pop()
        if one.full_name not in seen:
            seen.add(one.full_name)
            written += [field.message_type for field in one.fields if field.message_type is not None]
    return message.full_name in seen


def _service(record: Descriptor) -> ServiceDescriptor:
    name = f"{record.name}Service"
    return next(service for service in protos.services() if service.name == name)


def _rule(method: MethodDescriptor) -> tuple[str, str, str]:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    kind = str(rule.WhichOneof("pattern"))
    return kind, str(getattr(rule, kind)), str(rule.body)


def _resource(record: Descriptor) -> Any:
    return record.GetOptions().Extensions[resource_pb2.resource]


def _declared(record: Descriptor) -> Any:
    extensions: Any = record.GetOptions().Extensions
    return extensions[options_pb2.record]


def _reference(field: FieldDescriptor) -> str:
    return str(field.GetOptions().Extensions[resource_pb2.resource_reference].type)


def _options(field: FieldDescriptor) -> Any:
    extensions: Any = field.GetOptions().Extensions
    return extensions[options_pb2.field]


def _rules(field: FieldDescriptor) -> Any:
    extensions: Any = field.GetOptions().Extensions
    return extensions[validate_pb2.field]


def _subscriptions(options: Any) -> Any:
    return options.Extensions[options_pb2.subscriptions]


def _behaves(field: FieldDescriptor, behavior: str) -> bool:
    behaviors = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.FieldBehavior.Value(behavior) in behaviors


def _snake(camel: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), camel)


def _pascal(camel: str) -> str:
    return camel[0].upper() + camel[1:]
