"""Log lines are JSON, know their trace, and tell nothing personal. Each test is a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any


def test_a_line_tells_who_when_and_in_which_trace() -> None:
    line, ids = printed(
        """
        with telemetry.server_span("work") as span:
            log.info("relayed %d changes", 3, extra={"exchange": "contact.events"})
        print(json.dumps([span.trace_id, span.span_id]))
        """
    )
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "kith.test",
        "message": "relayed 3 changes",
        "service": "contact",
        "process": "api",
        "trace_id": ids[0],
        "span_id": ids[1],
        "exchange": "contact.events",
    }


def test_an_exception_is_one_field_without_the_values_it_quotes() -> None:
    (line,) = printed(
        """
        try:
            try:
                raise KeyError("ada@example.com")
            except KeyError as error:
                raise ValueError('dup key: { email: "ada@example.com", phone: +45 12 34 56 78 }') from error
        except ValueError:
            log.exception("it failed")
        """
    )
    assert line["exception"].startswith("ValueError: dup key: { email: '…', phone: <number> }\n")
    assert "caused by KeyError: '…'" in line["exception"]
    assert "in <module>" in line["exception"]
    assert "ada" not in json.dumps(line)


def test_objects_are_told_by_their_class_only() -> None:
    (line,) = printed("log.info('odd', extra={'request': object(), 'mail': 'to ada@example.com', 'n': 3})")
    assert line["request"] == "<object>"
    assert line["mail"] == "to <mail>"
    assert line["n"] == 3


def test_libraries_are_heard_from_warning_on() -> None:
    lines = printed(
        """
        for name in ("pymongo.command", "kombu.connection", "amqp", "uvicorn.access"):
            logging.getLogger(name).info("chatter")
            logging.getLogger(name).warning("trouble")
        """
    )
    assert [line["message"] for line in lines] == ["trouble"] * 4


def test_what_a_caller_sends_as_trace_context_is_not_logged() -> None:
    lines = printed(
        """
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        for told in ("ada@example.com", "a=\xe9", "x" * 600):
            with telemetry.RpcServerSpan("kith.test.v1.TestService/Get", parent, told) as span:
                print(json.dumps(sorted(span.headers)))
        with telemetry.server_span("work", "0" * 600):
            pass
        """
    )
    assert lines == [["traceparent"]] * 3


def test_a_line_is_written_whatever_it_is_given() -> None:
    lines = printed(
        """
        log.warning("%d of %d", 1)
        log.warning("half a character \\ud800", extra={"broken": "\\udfff", "huge": 1 << 80, 3: "x"})
        """
    )
    assert [line["message"] for line in lines] == ["%d of %d", "half a character \ud800"]


def test_an_unknown_level_is_refused() -> None:
    (told,) = printed(
        """
        try:
            logs.start("LOUD")
        except ValueError as error:
            print(json.dumps(str(error)))
        """
    )
    assert "LOUD" in told


def printed(program: str) -> list[Any]:
    """What a process that logs as `contact api` writes to its standard output, line by line."""
    head = """
    import json, logging
    from services.chassis import logs, telemetry
    logs.start("INFO", "contact", "api")
    log = logging.getLogger("kith.test")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(program)],
        capture_output=True,
        timeout=20,
        check=True,
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]
