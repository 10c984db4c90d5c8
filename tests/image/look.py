"""Tells, inside an image, what it holds: it is passed to `python -c` there, so it imports only the standard library."""

import importlib.util
import json
import os
import sys
from pathlib import Path

ROOTS = (Path("/opt/kith"), Path("/opt/venv"))


def main() -> None:
    """Prints everything as one JSON object."""
    files = [path for root in ROOTS for path in root.rglob("*") if not path.is_symlink()]
    modules = (
        "grpc",
        "pymongo",
        "nameko",
        "uvicorn",
        "httpx",
        "pip",
        "setuptools",
        "grpc_tools",
        "cyclonedx",
        "pytest",
    )
    facts = {
        "user": os.getuid(),
        "version": os.environ["KITH_VERSION"],
        "unreadable": [str(path) for path in files if not os.access(path, os.R_OK)],
        "writable": [str(path) for path in files if os.access(path, os.W_OK)],
        "uncompiled": [str(path) for path in files if path.suffix == ".py" and not compiled(path)],
        "code": sorted(path.name for path in Path("/opt/kith").iterdir()),
        "services": sorted(path.name for path in Path("/opt/kith/services").iterdir() if path.is_dir()),
        "modules": [name for name in modules if importlib.util.find_spec(name)],
        "path": sys.path,
    }
    print(json.dumps(facts))


def compiled(path: Path) -> bool:
    """Whether Python finds bytecode for a module that has any code."""
    return path.stat().st_size == 0 or Path(importlib.util.cache_from_source(str(path))).exists()


main()
