"""How the processes of a running platform are, as seen from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil

from cli.local import readiness


def look(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Asks every process of an `up.json` whether it is ready; adds `ready` and `rss_mb` to what is there."""
    processes: dict[str, dict[str, Any]] = document["processes"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = pool.map(
            lambda process: bool(process["pid"]) and readiness.answers(process["address"]), processes.values()
        )
    return {
        name: {**process, "ready": ready, "rss_mb": _memory(process["pid"])}
        for (name, process), ready in zip(processes.items(), answers, strict=True)
    }


def lines(processes: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The same as a table, one process a line."""
    yield f"{'process':<22}{'state':<12}{'pid':>8}{'MB':>6}  {'since':<10}address"
    for name, process in processes.items():
        state = process["state"] if process["ready"] or process["state"] != "ready" else "not ready"
        yield (
            f"{name:<22}{state:<12}{process['pid'] or '-':>8}{process['rss_mb'] or '-':>6}  "
            f"{_ago(process['since']):<10}{_without_password(process['address'])}{_history(process)}"
        )


def _history(process: dict[str, Any]) -> str:
    if not process["restarts"]:
        return ""
    return f"   restarted {process['restarts']}×, last: {process['last_exit']} {_ago(process['last_exit_time'])} ago"


def _memory(pid: int) -> int:
    try:
        return round(psutil.Process(pid).memory_info().rss / 1e6) if pid else 0
    except psutil.Error:
        return 0


def _ago(moment: float) -> str:
    seconds = max(0, int(time.time() - moment))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _without_password(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
