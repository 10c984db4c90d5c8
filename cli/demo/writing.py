"""Carries a plan out, each write as the colleague whose work it is, several at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from cli.demo.client import Client
from cli.demo.plan import OWN, Json, Record, Script, Step, Wave

T = TypeVar("T")

BATCH = 200
CONCURRENCY = 4


class Writer:
    """Writes waves. `tokens`: colleague → what to call with; `names`: key → name, of what is there already."""

    def __init__(self, client: Client, tokens: Mapping[str, str], names: dict[str, str]) -> None:
        self._client = client
        self._tokens = tokens
        self._names = names
        self.created: Counter[str] = Counter()
        self.changes = 0

    def write(self, wave: Wave) -> None:
        """Writes a wave; what an earlier, interrupted run has written is left as it is.

        Raises:
            Refused: the platform would not have it.
        """
        missing = [record for record in wave.records if record.key not in self._names]
        for plural, created in self._side_by_side(self._create, _batches(missing)):
            self.created[plural] += len(created)
            self._names |= created
        for steps in self._side_by_side(self._play, wave.scripts):
            self.changes += len(steps)
            self.created.update(plural for step in steps for plural in step.creates)

    def _side_by_side(self, work: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
        pool = ThreadPoolExecutor(CONCURRENCY)
        try:
            return list(pool.map(work, items))
        finally:
            pool.shutdown(cancel_futures=True)

    def _create(self, batch: Sequence[Record]) -> tuple[str, dict[str, str]]:
        first = batch[0]
        singular = _SINGULAR[first.plural]
        body = {"requests": [{singular: self._resolved(record.body)} for record in batch]}
        idempotency_key = f"{first.key} to {batch[-1].key} ({len(batch)})"
        answer = self._client.post(f"{first.plural}:batchCreate", self._tokens[first.by], body, idempotency_key)
        names = [made["name"] for made in answer[first.plural]]
        return first.plural, dict(zip((record.key for record in batch), names, strict=True))

    def _play(self, script: Script) -> Sequence[Step]:
        for number, step in enumerate(script.steps):
            answer = self._take(step, f"{script.key} step {number}")
            for key, path in step.keeps.items():
                self._names[key] = _at(answer, path)
        return script.steps

    def _take(self, step: Step, idempotency_key: str) -> Json:
        target, body, token = self._resolved(step.target), self._resolved(step.body), self._tokens[step.by]
        if step.call:
            return self._client.post(f"{target}:{step.call}", token, body, idempotency_key)
        if target == step.target:
            return self._client.post(target, token, body, idempotency_key)
        return self._client.patch(target, token, body, idempotency_key)

    def _resolved(self, value: Any) -> Any:
        """With names in place of references."""
        if isinstance(value, str) and value.startswith("@"):
            return self._names[value[1:]]
        if isinstance(value, dict):
            return {name: self._resolved(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._resolved(one) for one in value]
        return value


def existing(client: Client, token: str) -> dict[str, str]:
    """Key → name of the company's records that are there."""
    found: dict[str, str] = {}
    for plural in _SINGULAR:
        for record in client.all(plural, token, filter=f'external_id = "{OWN}*"'):
            found[record["externalId"]] = record["name"]
    return found


_SINGULAR = {
    "accounts": "account",
    "contacts": "contact",
    "activities": "activity",
    "leads": "lead",
    "opportunities": "opportunity",
    "cases": "case",
    "messages": "message",
}


def _batches(records: Iterable[Record]) -> list[list[Record]]:
    """At most so many of a kind and of a colleague at once."""
    sorted_out: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        sorted_out[record.plural, record.by].append(record)
    return [some[start : start + BATCH] for some in sorted_out.values() for start in range(0, len(some), BATCH)]


def _at(answer: Json, path: str) -> str:
    found: Any = answer
    for name in path.split("."):
        found = found[name]
    return str(found)
