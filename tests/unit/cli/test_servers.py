from __future__ import annotations

import time
from pathlib import Path

import psutil
from kombu.connection import Connection
from pymongo import MongoClient

from cli.local.options import Options
from cli.local.platform import Platform


def test_the_servers_listen_on_loopback_only_and_keep_what_they_stored_when_they_are_killed(
    tmp_path: Path,
) -> None:
    with Platform(tmp_path, Options(traces_port=0), services=False) as platform:
        _store(platform)
        # RabbitMQ 3.10 writes a new queue's metadata with a delay: killed at once, it would know the queue no more.
        time.sleep(3)
        assert _listening(platform) <= {"127.0.0.1", "::1"}
        platform.kill("mongodb")
        platform.kill("rabbitmq")
        platform.wait_until_ready(timeout_seconds=60)
        assert _stored(platform) == ("kept", "kept")


def _store(platform: Platform) -> None:
    with MongoClient[dict[str, str]](platform.addresses.mongodb) as client:
        client.trial.things.insert_one({"value": "kept"})
    with _broker(platform) as connection:
        queue = connection.SimpleQueue("trial", queue_args={"x-queue-type": "quorum"})
        queue.put("kept")
        queue.close()


def _stored(platform: Platform) -> tuple[str, str]:
    with MongoClient[dict[str, str]](platform.addresses.mongodb) as client:
        document = client.trial.things.find_one() or {"value": "lost"}
    with _broker(platform) as connection:
        queue = connection.SimpleQueue("trial", queue_args={"x-queue-type": "quorum"})
        message = queue.get(timeout=20)
        queue.close()
    return document["value"], str(message.payload)


def _broker(platform: Platform) -> Connection:
    confirmed = {"confirm_publish": True}
    return Connection(platform.addresses.amqp, transport_options=confirmed)  # type: ignore[no-untyped-call]  # kombu has no types


def _listening(platform: Platform) -> set[str]:
    """The addresses on which the platform's processes and their children listen."""
    roots = [psutil.Process(pid) for pid in platform.pids().values()]
    processes = [process for root in roots for process in (root, *root.children(recursive=True))]
    return {
        connection.laddr[0]
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
