"""Builds Python code and one descriptor set from `protos/`, and checks the protos with buf.

Everything lands in `build/proto/`, which is on the import path and never committed:
messages (`*_pb2.py`), stubs (`*_pb2_grpc.py`), and `kith.binpb`, a FileDescriptorSet with comments.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "protos"
OUTPUT = ROOT / "build" / "proto"
DESCRIPTOR_SET = "kith.binpb"


def generate(sources: Path = SOURCES, output: Path = OUTPUT) -> Path:
    """Generates the Python modules and the descriptor set of `sources` into `output`, replacing what was there.

    Raises:
        subprocess.CalledProcessError: protoc refused a file; it has printed file, line and reason.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="proto-", dir=output.parent))
    try:
        compile_set(sources, fresh)
        _replace(fresh, output)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return output


def compile_set(sources: Path, output: Path) -> Path:
    """Compiles `sources` into `output` without replacing anything; returns the descriptor set's path."""
    validate = output / "validate.binpb"
    validate.write_bytes(_validate_descriptors().SerializeToString())
    _protoc(
        [f"--descriptor_set_in={validate}", f"--python_out={output}", f"--pyi_out={output}"],
        ["buf/validate/validate.proto"],
    )
    files = sorted(str(path.relative_to(sources)) for path in sources.rglob("*.proto"))
    descriptor_set = output / DESCRIPTOR_SET
    _protoc(
        [
            f"--descriptor_set_in={validate}",
            f"-I{sources}",
            f"-I{_googleapis()}",
            f"--python_out={output}",
            f"--pyi_out={output}",
            f"--grpc_python_out={output}",
            f"--descriptor_set_out={descriptor_set}",
            "--include_imports",
            "--include_source_info",
        ],
        files,
    )
    return descriptor_set


def lint() -> int:
    """Runs buf lint over the committed protos; returns its exit code."""
    return _buf("lint", str(OUTPUT / DESCRIPTOR_SET), "--path", "kith")


def breaking(against: str | None = None) -> int:
    """Compares the protos with those of a Git revision (the last release's tag, else HEAD); returns buf's exit code."""
    revision = against or _last_release() or "HEAD"
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        if not _export(revision, before):
            print(f"buf breaking: {revision} holds no protos yet, nothing to compare with")
            return 0
        compiled = Path(folder) / "compiled"
        compiled.mkdir()
        old = compile_set(before / "protos", compiled)
        return _buf("breaking", str(OUTPUT / DESCRIPTOR_SET), "--against", str(old), "--path", "kith")


def _protoc(options: list[str], files: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *files], check=True)


def _buf(command: str, *arguments: str) -> int:
    program = Path(sys.executable).parent / "buf"
    config = SOURCES / "buf.yaml"
    environment = {**os.environ, "BUF_CACHE_DIR": str(OUTPUT.parent / "buf")}
    return subprocess.run(
        [str(program), command, *arguments, "--config", str(config)], env=environment, check=False
    ).returncode


def _googleapis() -> Path:
    """The folder that holds google/api/*.proto: they ship with googleapis-common-protos."""
    return Path(annotations_pb2.__file__).parent.parent.parent


def _validate_descriptors() -> descriptor_pb2.FileDescriptorSet:
    """buf/validate/validate.proto with its imports, taken from the protovalidate package itself.

    The package carries the descriptor but not the source; protoc reads a descriptor set as well.
    """
    from protovalidate._gen.buf.validate import validate_pb

    imports = (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2)
    descriptors = descriptor_pb2.FileDescriptorSet()
    for module in imports:
        descriptors.file.add().ParseFromString(module.DESCRIPTOR.serialized_pb)
    descriptors.file.add().ParseFromString(validate_pb.FieldRules.desc().file.proto.to_binary())
    return descriptors


def _replace(fresh: Path, output: Path) -> None:
    for folder in (path for path in fresh.rglob("*") if path.is_dir()):
        (folder / "__init__.py").touch()
    shutil.rmtree(output, ignore_errors=True)
    fresh.rename(output)
    output.chmod(0o755)


def _last_release() -> str | None:
    found = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


def _export(revision: str, folder: Path) -> bool:
    folder.mkdir()
    archive = subprocess.run(["git", "archive", revision, "protos"], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        return False
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return True


if __name__ == "__main__":
    generate()
