"""Who hears what follows from the protos alone."""

from __future__ import annotations

import pytest

from services.chassis import protos
from services.chassis.bus.handlers import Handlers
from services.chassis.bus.topology import Topology, matches


@pytest.mark.parametrize(
    ("pattern", "key", "fits"),
    [
        ("lead.created", "lead.created", True),
        ("lead.created", "lead.updated", False),
        ("lead.*", "lead.updated", True),
        ("*.created", "lead.created", True),
        ("lead.*", "lead", False),
        ("lead.#", "lead", True),
        ("#", "lead.created", True),
        ("#.created", "a.b.created", True),
        ("*", "lead.created", False),
    ],
)
def test_patterns_fit_as_rabbitmq_says(pattern: str, key: str, fits: bool) -> None:
    assert matches(pattern, key) is fits


def test_every_service_has_an_exchange_and_every_listener_its_bindings() -> None:
    topology = Topology.of(protos.files(), retries=3)
    assert {"contact.events", "sales.events", "identity.events"} <= set(topology.exchanges)
    assert topology.hears("sales.events", "order.created"), "insight hears everything"
    assert not topology.hears("insight.events", "timeline_entry.created")
    assert topology.listener("identity").bindings == () or topology.listener("identity").service == "identity"


def test_a_handler_that_can_never_be_called_is_found() -> None:
    handlers = Handlers()
    handlers.handles("lead.created", "user.created")(lambda event, tx: None)
    assert handlers.unheard(("lead.*",)) == ("user.created",)
    assert handlers.unheard(("lead.*", "user.#")) == ()
