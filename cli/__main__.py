"""The `kith` program: `python -m cli …`, or `kith …` once the environment is made."""

from __future__ import annotations

from pathlib import Path

from cli.lazy import LazyGroup

CHECKOUT = {
    "up": ("cli.running:up", "Start everything and wait until it is ready."),
    "down": ("cli.running:down", "Stop everything that `kith up` started."),
    "status": ("cli.running:status", "Say of each process whether it is ready."),
    "logs": ("cli.running:logs", "Show the log of a process, or of all."),
    "lint": ("cli.checking:lint", "Check style, types, imports and protos."),
    "test": ("cli.checking:test", "Run the whole test suite."),
    "cluster-test": ("cli.checking:cluster_test", "Run the tests of images and chart in a Kubernetes cluster."),
    "bench": ("cli.checking:bench", "Measure speed."),
    "scaffold": ("cli.scaffold.command:scaffold", "Write the gRPC service of a new record."),
    "proto": ("cli.checking:proto", "Generate code from the protos."),
    "images": ("cli.images.command:images", "Build the container images."),
}
"""What works in a checkout only."""

ANYWHERE = {
    "demo": ("cli.filling:demo", "Fill the running platform with a believable company."),
    "events": ("cli.events:events", "List, find and replay events."),
    "check": ("cli.check.command:check", "Tell a customer's story through a gateway, as a trial of the whole."),
    "secrets": ("cli.cluster.secrets:secrets", "Create the Kubernetes Secrets that are missing."),
    "replica-set": ("cli.cluster.replica_set:replica_set", "Make a replica set of a MongoDB that is alone."),
    "idle": ("cli.cluster.idle:idle", "Wait, in a pod that others run commands in."),
    "mailbox": ("cli.cluster.mailbox:mailbox", "Take mails and show them, for try-outs."),
}
"""What the command line's image can do as well."""


def group(checkout: bool) -> LazyGroup:
    """All commands, or without a checkout those that need none."""
    reason = "This works in a checkout of Kith's source only, which an image is not."
    return LazyGroup(
        "kith",
        {**CHECKOUT, **ANYWHERE} if checkout else ANYWHERE,
        help="Kith, a CRM of small services. Every command explains itself with --help.",
        absent={} if checkout else {name: f"kith {name}: {reason}" for name in CHECKOUT},
    )


kith = group(checkout=(Path(__file__).resolve().parent.parent / "pyproject.toml").is_file())


def main() -> None:
    """The console script's entry."""
    kith(prog_name="kith")


if __name__ == "__main__":
    main()
