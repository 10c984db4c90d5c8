"""One HTTP request as the gateway reads it: headers, path, query and body, each refused with the place named.

Bodies: JSON, at most 8 MiB, 32 levels deep, each key once; read within a minute, uncompressed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from gateway.errors import Problem, bad_request
from services.chassis.resources.json_values import DEEPEST

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_BODY_BYTES = 8 * 1024 * 1024
MOST_URL_BYTES = 16 * 1024
BODY_SECONDS = 60.0


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class Request:
    """What a client sent. Text of headers is Latin-1, of paths and queries UTF-8."""

    __slots__ = ("_headers", "_receive", "method", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.method: str = scope["method"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])

    def header(self, name: bytes) -> str:
        """A header by its lower-case name; empty when it is not there."""
        value = self._headers.get(name)
        return value.decode("latin-1") if value is not None else ""

    def cookie(self, name: str) -> str:
        """A cookie's value; empty when it is not there."""
        for part in self.header(b"cookie").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""

    def segments(self) -> list[str]:
        """The path's segments, decoded one by one, so that an encoded slash stays within its segment.

        Raises:
            Problem: 414 when the URL is too long, 400 when it is not UTF-8.
        """
        raw: bytes = self.scope["raw_path"]
        if len(raw) + len(self.scope["query_string"]) > MOST_URL_BYTES:
            raise Problem(414, "URL_TOO_LONG", f"The URL is longer than {MOST_URL_BYTES} bytes.")
        if b"%" not in raw and raw.isascii():
            return raw[1:].decode("ascii").split("/")
        return [decoded(part, "path") for part in raw[1:].split(b"/")]

    def query(self) -> list[tuple[str, str]]:
        """The query's parameters in order, decoded.

        Raises:
            Problem: 400 when one is not UTF-8.
        """
        raw: bytes = self.scope["query_string"]
        if not raw:
            return []
        pairs = []
        for part in raw.split(b"&"):
            if part:
                key, _, value = part.partition(b"=")
                name = decoded(key.replace(b"+", b" "), "query")
                pairs.append((name, decoded(value.replace(b"+", b" "), name)))
        return pairs

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            Problem: 413 too large, 415 compressed, 408 too slow.
            ClientGone: the client went away.
        """
        encoding = self.header(b"content-encoding")
        if encoding and encoding.lower() != "identity":
            raise bad_request(
                "Content-Encoding",
                "is not supported: send the body as it is",
                reason="ENCODING_REFUSED",
                status=415,
            )
        length = self.header(b"content-length")
        if length and int(length) > MOST_BODY_BYTES:
            raise _too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._read()
        except TimeoutError:
            raise Problem(408, "BODY_TOO_SLOW", f"The body did not arrive within {BODY_SECONDS:g} s.") from None

    async def json(self) -> Any:
        """The body as JSON values; None when there is none.

        Raises:
            Problem: as `body`; 415 for another content type, 400 for what is not proper JSON.
        """
        data = await self.body()
        if not data:
            return None
        kind = self.header(b"content-type")
        if kind != "application/json" and not _JSON.match(kind):
            raise bad_request("Content-Type", "must be application/json", reason="NOT_JSON", status=415)
        return parsed(data)

    async def gone(self) -> None:
        """Waits until the client has closed the connection; what it still sends is thrown away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def abort(self) -> None:
        """Drops the connection without waiting for the client to take what was written."""
        abort = self.scope.get("kith.abort")
        if abort is not None:
            abort()

    async def _read(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        data: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            if len(data) > MOST_BODY_BYTES:
                raise _too_large()
            return data
        chunks, size = [data], len(data)
        while message.get("more_body", False):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > MOST_BODY_BYTES:
                raise _too_large()
        return b"".join(chunks)


def parsed(data: bytes) -> Any:
    """JSON values from text; stricter than JSON itself where a lenient reading hides mistakes.

    Raises:
        Problem: 400 that names the place: not UTF-8, not JSON, a key twice, nested too deeply.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _not_json(data, error) from None
    if type(value) is dict or type(value) is list:
        keys = _count_keys(value, DEEPEST)
        # A parser keeps the last of two equal keys silently: a client that sends both has a mistake to find.
        if keys != _KEYS.sub(b"", data).count(b":"):
            _refuse_twice(data)
    return value


def decoded(raw: bytes, name: str) -> str:
    """Percent-encoded UTF-8 as text; `name` is what an error calls it.

    Raises:
        Problem: 400: it is not UTF-8.
    """
    if raw.isascii() and b"%" not in raw:
        return raw.decode("ascii")
    plain = unquote_to_bytes(raw)
    try:
        return plain.decode()
    except UnicodeDecodeError as error:
        raise bad_request(name, f"is not UTF-8 at byte {error.start}", reason="NOT_UTF8") from None


def _count_keys(value: Any, depth: int) -> int:
    if depth == 0:
        raise Problem(400, "TOO_DEEP", f"The JSON is nested deeper than {DEEPEST} levels.")
    if type(value) is dict:
        count = len(value)
        for item in value.values():
            if type(item) is dict or type(item) is list:
                count += _count_keys(item, depth - 1)
        return count
    count = 0
    for item in value:
        if type(item) is dict or type(item) is list:
            count += _count_keys(item, depth - 1)
    return count


def _refuse_twice(data: bytes) -> None:
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                twice.append(key[:80])
            seen.add(key)

    json.loads(data, object_pairs_hook=unique)
    if twice:
        raise bad_request(twice[0], "is given twice in one object: keep one", reason="INVALID_JSON")


def _not_json(data: bytes, error: orjson.JSONDecodeError) -> Problem:
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        detail = f"The body is not UTF-8 at byte {wrong.start} (line {1 + data.count(10, 0, wrong.start)})"
        return _at(detail, data, wrong.start)
    if _is_deep(data[: 4 * MOST_URL_BYTES]):
        return Problem(400, "TOO_DEEP", f"The JSON is nested deeper than {DEEPEST} levels.")
    detail = f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
    return _at(detail, data, len(error.doc[: error.pos].encode(errors="replace")))


def _at(detail: str, data: bytes, position: int) -> Problem:
    """The problem with the name of the last key before the place, which is where a person looks first."""
    keys = re.findall(rb'"([A-Za-z][A-Za-z0-9_]{0,79})"\s*:', data[max(0, position - 4096) : position])
    if not keys:
        return Problem(400, "INVALID_JSON", f"{detail}.")
    name = keys[-1].decode()
    return bad_request(name, "is where the body stops being JSON", reason="INVALID_JSON").because(
        f"{detail}, at {name}."
    )


def _is_deep(data: bytes) -> bool:
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", _KEYS.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _too_large() -> Problem:
    # The connection stays open: the rest of the body is thrown away (`protocol.py`), so that the answer arrives.
    return Problem(413, "BODY_TOO_LARGE", f"The body is larger than {MOST_BODY_BYTES} bytes.")


_JSON = re.compile(r"application/(merge-patch\+)?json\s*(;\s*charset=\"?utf-8\"?\s*)?\Z", re.IGNORECASE)
# The closing mark is optional: a text without end must not be looked for again from each mark inside of it.
_KEYS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
