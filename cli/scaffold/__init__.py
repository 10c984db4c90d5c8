"""Writes the gRPC service of a new record: the nine standard methods with their requests, as the AIPs want them.

The result is source: it is committed, read and extended by hand (custom methods go below the standard ones).
"""

from __future__ import annotations

import re
from pathlib import Path

from liquid import Environment

_TEMPLATE = Path(__file__).with_name("service.proto.liquid")


def service_proto(service: str, singular: str, plural: str, *, read_only: bool = False) -> str:
    """The text of `<record>_service.proto`, for example for `cases`, `CaseMessage`, `CaseMessages`.

    A read-only record (a projection of other services' events) gets no writing methods.
    """
    words = _snake(singular).replace("_", " ")
    text = (
        Environment()
        .from_string(_TEMPLATE.read_text())
        .render(
            service=service,
            Record=singular,
            Records=plural,
            record=_snake(singular),
            records=_snake(plural),
            collection=plural[0].lower() + plural[1:],
            words=words,
            words_plural=_snake(plural).replace("_", " "),
            a_record=f"{'an' if words[0] in 'aeiou' else 'a'} {words}",
            read_only=read_only,
        )
    )
    return re.sub(r"\n  }\n+(?=  //)", "\n  }\n\n", text).rstrip() + "\n"


def path_of(service: str, singular: str) -> str:
    """Where a record's gRPC service stands, from the protos' folder: `kith/cases/v1/message_service.proto`."""
    return f"kith/{service}/v1/{_snake(singular)}_service.proto"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
