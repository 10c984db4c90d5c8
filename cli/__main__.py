"""The `kith` program: `python -m cli …`, or `kith …` once the environment is made."""

from __future__ import annotations

from cli.lazy import LazyGroup

kith = LazyGroup(
    "kith",
    {
        "up": ("cli.running:up", "Start everything and wait until it is ready."),
        "down": ("cli.running:down", "Stop everything that `kith up` started."),
        "status": ("cli.running:status", "Say of each process whether it is ready."),
        "logs": ("cli.running:logs", "Show the log of a process, or of all."),
        "demo": ("cli.filling:demo", "Fill the running platform with a believable company."),
        "events": ("cli.events:events", "List, find and replay events."),
        "lint": ("cli.checking:lint", "Check style, types, imports and protos."),
        "test": ("cli.checking:test", "Run the whole test suite."),
        "bench": ("cli.checking:bench", "Measure speed."),
        "scaffold": ("cli.scaffold.command:scaffold", "Write the gRPC service of a new record."),
        "proto": ("cli.checking:proto", "Generate code from the protos."),
    },
    help="Kith, a CRM of small services. Every command explains itself with --help.",
)


def main() -> None:
    """The console script's entry."""
    kith(prog_name="kith")


if __name__ == "__main__":
    main()
