"""Files that a reader never sees half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(file: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Replaces `file` by `content` in one step, readable as `mode` says from its first moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as fresh:
            fresh.write(content.encode() if isinstance(content, str) else content)
            os.fchmod(fresh.fileno(), mode)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
