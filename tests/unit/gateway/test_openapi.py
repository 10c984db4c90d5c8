"""The description says what is served: valid, complete, and with the protos' own constraints."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import validate

from gateway import openapi
from gateway.routes import rules
from services.chassis import protos


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return openapi.document(rules(protos.services()))


def test_it_is_valid_openapi(described: dict[str, Any]) -> None:
    validate(described)


def test_every_rule_of_every_method_is_described(described: dict[str, Any]) -> None:
    for rule in rules(protos.services()):
        operation = described["paths"][rule.label][rule.http_method.lower()]
        assert operation["description"], rule.label
        assert operation["x-permission"], rule.label
        assert operation["responses"]["400"]


def test_operations_have_names_of_their_own(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_every_field_is_described(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        for field, value in schema.get("properties", {}).items():
            assert value.get("description"), f"{name}.{field}"


def test_constraints_come_from_the_protos(described: dict[str, Any]) -> None:
    contact = described["components"]["schemas"]["Contact"]
    assert contact["properties"]["givenName"]["maxLength"] == 200
    assert contact["properties"]["tags"]["maxItems"] == 50
    assert contact["properties"]["tags"]["items"]["maxLength"] == 100
    assert contact["properties"]["createTime"]["readOnly"] is True
    assert contact["properties"]["account"]["x-reference"] == "Account"
    assert contact["additionalProperties"] is False
    page_size = described["paths"]["/v1/contacts"]["get"]["parameters"][0]
    assert (page_size["name"], page_size["schema"]["maximum"]) == ("pageSize", 1000)
    assert "required" not in described["components"]["schemas"]["OpportunityPatch"]
    assert described["components"]["schemas"]["Opportunity"]["required"] == ["displayName"]


def test_the_examples_keep_the_schemas(described: dict[str, Any]) -> None:
    for item in described["paths"].values():
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in content:
                schema = {**content["schema"], "components": described["components"]}
                jsonschema.validate(content["example"], schema)


def test_the_example_of_a_create_can_be_sent(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    body = described["paths"]["/v1/contacts"]["post"]["requestBody"]["content"]["application/json"]["example"]
    answer = client.post("/v1/contacts", json=body)
    assert answer.status_code == 201
    schema = {"$ref": "#/components/schemas/Contact", "components": described["components"]}
    jsonschema.validate(answer.json(), schema)


def test_errors_keep_the_problem_schema(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    schema = {"$ref": "#/components/schemas/Problem", "components": described["components"]}
    for path in ("/nowhere", "/v1/contacts/none", "/v1/contacts?page_size=x"):
        jsonschema.validate(client.get(path).json(), schema)


def test_it_is_sent_once(client: httpx.Client) -> None:
    first = client.get("/openapi.json")
    assert first.headers["content-encoding"] == "gzip"
    assert client.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
