"""One line in one proto, and nothing else, adds a field to REST, filter, order, search, history, event and OpenAPI."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli import proto
from cli.check.api import Api
from cli.check.stream import EventStream
from cli.local.options import Options
from cli.local.platform import Platform

LINE = "  string shoe_size = 99 [(kith.type.v1.field) = {filterable: true searchable: true}];\n"
BEFORE = "  // Given name.\n"


@pytest.fixture
def with_one_more_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A platform whose Contact has one more field."""
    protos, built = tmp_path / "protos", tmp_path / "proto"
    shutil.copytree(proto.SOURCES, protos)
    contact = protos / "kith" / "contact" / "v1" / "contact.proto"
    text = contact.read_text()
    assert text.count(BEFORE) == 1
    contact.write_text(text.replace(BEFORE, LINE + BEFORE))
    proto.generate(protos, built)
    monkeypatch.setenv("PYTHONPATH", str(built))
    with Platform(tmp_path / "home", Options(gateway_port=0, traces_port=0)) as running:
        yield running


def test_one_line_adds_a_field(with_one_more_field: Platform) -> None:
    gateway, api_key = with_one_more_field.addresses.gateway, with_one_more_field.credentials.api_key
    api = Api(gateway, api_key)
    with EventStream(gateway, api_key) as stream:
        small = api.post("contacts", {"familyName": "Cinderella", "shoeSize": "tiny 33"})
        api.post("contacts", {"familyName": "Bigfoot", "shoeSize": "enormous 60"})
        assert small["shoeSize"] == "tiny 33"
        changed = api.patch(small["name"], {"shoeSize": "tiny 34"})
        assert changed["shoeSize"] == "tiny 34"
        _finds_it(api, small["name"])
        change = api.get(f"{small['name']}/changes")["changes"][0]
        assert change["fields"] == [{"field": "shoeSize", "before": "tiny 33", "after": "tiny 34"}]
        created, updated = stream.until(small["name"], {change["id"]}, seconds=30)
        assert created.event["data"]["record"]["shoeSize"] == "tiny 33"
        assert updated.event["data"]["changes"] == [{"field": "shoeSize", "before": "tiny 33", "after": "tiny 34"}]
    schema = httpx.get(f"{gateway}/openapi.json").json()["components"]["schemas"]
    assert any("shoeSize" in found.get("properties", {}) for found in schema.values())


def _finds_it(api: Api, name: str) -> None:
    for query in (
        {"filter": 'shoe_size = "tiny 34"'},
        {"filter": "shoeSize = tiny*"},
        {"q": "TIN"},
    ):
        assert [found["name"] for found in api.all("contacts", **query)] == [name], query
    ordered = [found["shoeSize"] for found in api.all("contacts", orderBy="shoe_size desc")]
    assert ordered == ["tiny 34", "enormous 60"]
