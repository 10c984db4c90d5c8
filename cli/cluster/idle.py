"""`kith idle`: a pod that is there for whoever opens a shell-less `kubectl exec` in it, and does nothing else."""

from __future__ import annotations

import signal

import click


@click.command()
def idle() -> None:
    """Wait until told to stop, so that commands can be run in this pod: kubectl exec deploy/kith-cli -- kith …"""
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
