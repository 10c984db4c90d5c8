"""The whole check: a gateway that is ready, a tenant, a listener, the story, and what it has left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from cli.check import mails, tenancy
from cli.check.api import Api
from cli.check.effects import Effects
from cli.check.expectation import Unmet, eventually
from cli.check.story import Step, Story
from cli.check.stream import EventStream


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked, and as whom: with an API key, or in a tenant that is made for it."""

    gateway: str
    api_key: str = field(repr=False, default="")
    tenant: str = ""
    mailbox: str = ""
    patience_seconds: float = 60.0


class Trial:
    """The steps of the check; `close` afterwards, whatever became of them."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._story: Story | None = None
        self._stream: EventStream | None = None
        self._borrowed = ""
        self._problem = ""

    def steps(self) -> Iterator[Step]:
        """Each step needs those before it, so they are told as they come."""
        yield self.the_gateway_is_ready
        if not self._subject.api_key:
            yield self.a_tenant_is_there
        story = self._story = self._new_story()
        stream = self._stream = EventStream(self._subject.gateway, story.api.api_key)
        yield self.a_listener_is_connected
        yield from story.steps()
        yield from Effects(story, stream).steps()

    @property
    def remarks(self) -> list[str]:
        """What a reader should know although all is well."""
        if self._story is None:
            return []
        repeats = self._story.api.ledger.repeats
        return [*self._story.remarks, *([f"{repeats} requests had to be sent again"] if repeats else [])]

    def the_gateway_is_ready(self) -> None:
        patience = self._subject.patience_seconds
        eventually(self._is_ready, seconds=patience, what="a gateway that is ready", found=lambda: self._problem)

    def a_tenant_is_there(self) -> None:
        self._borrowed = tenancy.api_key(self._subject.tenant, os.environ)

    def a_listener_is_connected(self) -> None:
        assert self._stream is not None, "the steps are told in their order"
        self._stream.open(self._subject.patience_seconds)

    def close(self) -> None:
        """Gives back the API keys that were made for the check; its records stay."""
        if self._stream is not None:
            self._stream.close()
        if self._story is None:
            return
        try:
            self._story.clear_up()
        except Unmet as unmet:
            self._story.remarks.append(f"the web form's API key could not be revoked, and ends by itself: {unmet}")
        problem = tenancy.give_back(self._subject.gateway, self._borrowed) if self._borrowed else ""
        if problem:
            self._story.remarks.append(problem)

    def _is_ready(self) -> bool:
        url = f"{self._subject.gateway}/readyz"
        try:
            response = httpx.get(url, timeout=5)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._problem = f"{url}: {type(error).__name__}: {error}"
            return False
        self._problem = f"{url}: {response.status_code} {response.text[:500]}"
        return response.status_code == 200

    def _new_story(self) -> Story:
        subject = self._subject
        api = Api(subject.gateway, subject.api_key or self._borrowed, retry_seconds=subject.patience_seconds)
        box = mails.mailbox(subject.mailbox) if subject.mailbox else None
        return Story(api, box, subject.patience_seconds)
