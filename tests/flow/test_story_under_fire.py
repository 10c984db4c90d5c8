"""The same story while every process of the platform is killed once in its middle: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from cli.check import mails
from cli.check.api import Api
from cli.check.effects import Effects
from cli.check.story import Story
from cli.check.stream import EventStream
from cli.local.options import Options
from cli.local.platform import Platform

PATIENCE_SECONDS = 90.0


@pytest.fixture
def own_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that nobody else needs."""
    options = Options(gateway_port=0, traces_port=0)
    with Platform(tmp_path_factory.mktemp("under-fire"), options) as running:
        yield running


def test_nothing_is_lost_or_doubled_when_every_process_is_killed_once(own_platform: Platform) -> None:
    addresses, credentials = own_platform.addresses, own_platform.credentials
    api = Api(addresses.gateway, credentials.api_key, retry_seconds=PATIENCE_SECONDS)
    story = Story(api, mails.mailbox(addresses.mailbox), PATIENCE_SECONDS)
    before = dict(own_platform.pids())
    with EventStream(addresses.gateway, credentials.api_key) as stream:
        join, *steps = story.steps()
        join()
        for victims, step in zip(_dealt(sorted(before), len(steps)), steps, strict=True):
            for name in victims:
                own_platform.kill(name)
            step()
        own_platform.wait_until_ready()
        after = own_platform.pids()
        assert after.keys() == before.keys()
        assert all(after[name] != before[name] for name in before), "every process has died once"
        effects = Effects(story, stream)
        effects.the_timeline_shows_each_event_once()
        effects.nobody_was_told_anything_twice()
        effects.every_change_carries_the_trace_of_its_request()
        for record in story.records():
            wanted = {change["id"] for change in story.changes(record)}
            stream.until(record, wanted, seconds=PATIENCE_SECONDS)


def _dealt(names: Sequence[str], hands: int) -> list[list[str]]:
    """The names dealt out one by one, so that each step loses processes of different kinds."""
    return [list(names[hand::hands]) for hand in range(hands)]
