"""Logs: one JSON object per line on standard output, tied to the current trace, without personal data.

Every line has `time` (RFC 3339, UTC), `level`, `logger`, `message`, `service`, `process`; inside a span also
`trace_id` and `span_id`; then the fields given as `extra=`; and `exception`, when there is one, as one text:
class, masked message, and where it came from.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import orjson

from services.chassis.telemetry.privacy import mask, mask_addresses
from services.chassis.telemetry.spans import current_ids


def start(level: str = "INFO", service: str = "", process: str = "", stream: TextIO | None = None) -> None:
    """Sends all logging of this process to `stream` (or standard output) as JSON.

    Raises:
        ValueError: there is no such level.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines(service, process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns of every tracestate that it cannot read, and quotes what the caller sent.
    logging.getLogger("opentelemetry.trace").setLevel(logging.ERROR)
    for name in _SELF_HANDLED:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    logging.captureWarnings(True)


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def __init__(self, service: str, process: str) -> None:
        super().__init__()
        self._about = {"service": service, "process": process}

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line break. A record that cannot be formatted still makes a line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": mask_addresses(_message(record)),
            **self._about,
        }
        trace_id, span_id = current_ids()
        if trace_id:
            line["trace_id"] = trace_id
            line["span_id"] = span_id
        for key, value in record.__dict__.items():
            if key not in _STANDARD and key not in line:
                line[key] = mask_addresses(value) if isinstance(value, str) else value
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = describe(record.exc_info[1])
        return _json(line)


def describe(error: BaseException) -> str:
    """An exception and its causes as one text: class, masked message, and file, line and function per frame.

    Neither source lines nor values of variables are shown, for they may hold somebody's data.
    """
    parts = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        parts.append(f"{type(link).__qualname__}: {mask(str(link))}{_frames(link.__traceback__)}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\ncaused by ".join(parts)


def _json(line: dict[str, object]) -> str:
    try:
        return orjson.dumps(line, default=_type_name, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # orjson refuses lone surrogates and integers beyond 64 bits; the standard library writes them.
        return json.dumps(line, default=_type_name, skipkeys=True)


def _frames(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-_DEEPEST:]
    return "".join([f"\n  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames])


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  (any argument may raise when it is printed)
        # The arguments don't fit the text. Losing the line would hide more than showing it unformatted.
        return str(record.msg)


def _type_name(value: object) -> str:
    # Objects may print whatever they hold, a request's body included: the class is enough.
    return f"<{type(value).__qualname__}>"


_DEEPEST = 40  # frames per exception, the innermost ones
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}
# Libraries that tell of every connection, command or request. PyMongo's debug lines contain documents.
_CHATTY = (
    "pymongo",
    "kombu",
    "amqp",
    "nameko",
    "grpc",
    "asyncio",
    "httpx",
    "httpcore",
    "aio_pika",
    "aiormq",
    "urllib3",
    "uvicorn.access",
    "uvicorn.error",
    "mail.log",
)
_SELF_HANDLED = ("uvicorn", "uvicorn.error", "uvicorn.access", "nameko")
