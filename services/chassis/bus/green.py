"""Makes the standard library green, before anything else is imported."""

from __future__ import annotations

import os
import sys
import warnings


def patch() -> None:
    """Patches sockets, threads, locks and sleeps for eventlet. Again is harmless."""
    # Eventlet's own resolver costs 21 MB of memory. The system's one blocks all green threads while it looks up
    # a name, which happens only when a connection is opened.
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it announces its own end; nameko needs it all the same
        import eventlet
    eventlet.monkey_patch()
    # Makes PyMongo use the standard library's TLS: PyOpenSSL's sockets cannot be green, and cost 8 MB.
    sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]  # None forbids the import
