"""The example in docs/grpc.md runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from cli.local.platform import Platform

PAGE = Path(__file__).resolve().parents[2] / "docs" / "grpc.md"


def test_the_example_in_the_docs_runs_as_it_stands(platform: Platform) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    environment = {
        **os.environ,
        "KITH_CONTACT": platform.addresses.grpc["contact"],
        "KITH_API_KEY": platform.credentials.api_key,
    }
    command = [sys.executable, "-c", example]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    contact, *rest = done.stdout.splitlines()
    assert contact.startswith("contacts/")
    assert contact.endswith(" Grace Hopper 2")
    assert "contact.account accounts/nowhere does not exist" in rest
    assert any(re.fullmatch(r"INVALID_ARGUMENT [0-9a-f]{32}", line) for line in rest)
