"""Who is calling: a bearer token, an API key or a browser's session cookie becomes a principal."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from gateway.errors import Problem
from gateway.requests import Request
from services.chassis.errors import Unavailable
from services.chassis.principal import Principal, Verifier

SESSION_COOKIE = "kith_session"
"""Holds an access token; set it HttpOnly, Secure and SameSite=Lax."""

_THREADS = 8
_MOST_WAITING = 256
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Authenticator:
    """Checks callers without ever blocking the event loop."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        # Only what is new to this process comes here: it may wait for identity.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="verify")
        self._waiting = 0

    async def principal(self, request: Request) -> Principal:
        """The caller.

        Raises:
            Unauthenticated: there is no valid proof.
            Unavailable: identity is needed and away, or too many new callers wait for it.
            Problem: 403 for a cookie sent by a page of another origin.
        """
        authorization = request.header(b"authorization") or _from_cookie(request)
        known = self._verifier.known(authorization)
        return known if known is not None else await self._ask(authorization)

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, authorization: str) -> Principal:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("too many new callers at once; try again", reason="OVERLOADED")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._verifier.verify, authorization)
        finally:
            self._waiting -= 1


def _from_cookie(request: Request) -> str:
    token = request.cookie(SESSION_COOKIE)
    if not token:
        return ""
    if request.method not in _SAFE and not _same_origin(request):
        raise Problem(403, "CROSS_ORIGIN", "A session cookie works only for pages of this origin: send a token.")
    return f"Bearer {token}"


def _same_origin(request: Request) -> bool:
    """Whether a browser says that the page is ours (Fetch Metadata, or Origin in old ones): stops forged requests."""
    site = request.header(b"sec-fetch-site")
    if site:
        return site == "same-origin"
    origin = request.header(b"origin")
    return bool(origin) and origin.partition("://")[2] == request.header(b"host")
