"""`python -m services.identity api|worker|migrate|bootstrap|suspend|resume|keygen`

Everything but `main` is imported by the command that needs it: the worker must not import grpc.
"""

from __future__ import annotations

import sys

from services.chassis.process import main
from services.chassis.settings import Settings


def _api(_package: str, settings: Settings) -> None:
    from services.identity.serving import serve

    serve(settings)


def _operator(_package: str, settings: Settings) -> None:
    from services.identity.operator_commands import run

    run(sys.argv[1:], settings)


if __name__ == "__main__":
    operator = dict.fromkeys(("bootstrap", "suspend", "resume", "keygen"), _operator)
    main(__package__, {"api": _api, **operator})
