"""The scaffold writes what the house has committed: a record's standard methods look the same everywhere."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor import Descriptor

from cli.proto import SOURCES
from cli.scaffold import path_of, service_proto
from services.chassis import protos

READ_ONLY = {"Delivery", "TimelineEntry"}


@pytest.mark.parametrize("record", protos.records(), ids=lambda record: str(record.name))
def test_every_records_service_begins_as_the_scaffold_writes_it(record: Descriptor) -> None:
    resource = protos.resource(record)
    assert resource is not None
    plural = resource.plural[0].upper() + resource.plural[1:]
    written = service_proto(protos.process(record), record.name, plural, read_only=record.name in READ_ONLY)
    committed = _without_comments((SOURCES / path_of(protos.process(record), record.name)).read_text())
    for rpc in re.findall(r"rpc \w+\(\w+\) returns \(\w+\)", written):
        assert rpc in committed, f"{record.name} lacks {rpc}"
    for message in re.findall(r"message \w+ \{.*?\n\}", _without_comments(written), re.DOTALL):
        assert message in committed, f"{record.name} deviates in {message.splitlines()[0]}"


def _without_comments(text: str) -> str:
    return re.sub(r"\n *//[^\n]*", "", text)
