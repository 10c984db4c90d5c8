"""The gateway as one ASGI application: find who answers a request, let it answer, and answer for its errors.

Plain ASGI on purpose: a stack of middlewares costs more here than all of the rest (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from gateway import errors
from gateway.auth import Authenticator
from gateway.cors import Cors
from gateway.errors import Problem
from gateway.limits import RateLimiter
from gateway.requests import ClientGone, Receive, Request, Scope, Send
from gateway.responses import JSON, Headers, api_headers, send_all
from gateway.routes import Tree
from gateway.transcode import Route
from services.chassis.errors import KithError
from services.chassis.principal import Principal
from services.chassis.resources.json_values import closest
from services.chassis.telemetry import HttpServerSpan

Page = Callable[[Request, Send, HttpServerSpan], Awaitable[None]]
"""Answers a fixed path all by itself: a document, a health check, a stream."""

_log = logging.getLogger(__name__)


class Gateway:
    """Answers HTTP requests. `pages` are fixed paths, `tree` holds the API's routes."""

    def __init__(
        self,
        tree: Tree,
        pages: dict[str, Page],
        authenticator: Authenticator,
        limiter: RateLimiter,
        cors: Cors,
        most_in_flight: int,
    ) -> None:
        self._tree = tree
        self._pages = pages
        self._authenticator = authenticator
        self._limiter = limiter
        self._cors = cors
        self._most = most_in_flight
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        span = HttpServerSpan(request.method, request.header(b"traceparent"), request.header(b"tracestate"))
        with span:
            if self._cors.origins:
                send = self._cors.wrapped(request, send)
            page = self._pages.get(scope["path"])
            if page is None:
                await self._api(request, send, span)
            else:
                span.route = scope["path"]
                await self._guarded(_page(page, request, send, span), send, span)

    async def _api(self, request: Request, send: Send, span: HttpServerSpan) -> None:
        if self._in_flight >= self._most:
            await _send_problem(send, span, _overloaded())
            return
        self._in_flight += 1
        try:
            await self._guarded(self._answer(request, send, span), send, span)
        finally:
            self._in_flight -= 1

    async def _answer(self, request: Request, send: Send, span: HttpServerSpan) -> None:
        segments = request.segments()
        methods, segments = self._find(segments)
        if request.method == "OPTIONS":
            span.status = 204
            await send_all(send, 204, [*api_headers(span), _allow(methods)], b"")
            return
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            raise _method_not_allowed(request.method, methods)
        span.route = route.label
        principal, limits = await self._caller(request, route)
        answer = await route.answer(request, segments, principal, span.headers)
        span.status = answer.status
        headers = [JSON, *api_headers(span), *limits, *answer.headers]
        await send_all(send, answer.status, headers, answer.body)

    async def _caller(self, request: Request, route: Route) -> tuple[Principal | None, Headers]:
        """Who calls, once counted against the limit. A public method is counted by network address."""
        if route.public:
            client = request.scope.get("client")
            return None, self._limiter.take(f"address {client[0] if client else ''}")
        principal = await self._authenticator.principal(request)
        return principal, self._limiter.take(f"{principal.tenant} {principal.subject}")

    def _find(self, segments: list[str]) -> tuple[dict[str, Any], list[str]]:
        found = self._tree.find(segments)
        if found is None:
            path = "/" + "/".join(segments)
            hint = closest(path, [*self._tree.labels(), *self._pages])
            raise Problem(404, "NO_SUCH_PATH", f"There is nothing at this path{hint}")
        return found

    async def _guarded(self, answer: Awaitable[None], send: Send, span: HttpServerSpan) -> None:
        """Awaits an answer; what goes wrong becomes a problem document, unless the response has begun."""
        try:
            await answer
        except Problem as problem:
            await _send_problem(send, span, problem)
        except KithError as error:
            await _send_problem(send, span, errors.refused(error))
        except ClientGone:
            span.status = 499
        except asyncio.CancelledError:
            span.status = 499
            raise
        except Exception:  # noqa: BLE001  (whatever happens gets an answer)
            # The text of an unforeseen error may hold anything, so it goes to the log and not to the client.
            _log.exception("a request failed unexpectedly", extra={"trace_id": span.trace_id})
            await _send_problem(send, span, errors.internal())


async def _page(page: Page, request: Request, send: Send, span: HttpServerSpan) -> None:
    if request.method in ("GET", "HEAD"):
        await page(request, send, span)
    elif request.method == "OPTIONS":
        span.status = 204
        await send_all(send, 204, [*api_headers(span), _allow({"GET": page})], b"")
    else:
        raise _method_not_allowed(request.method, {"GET": page})


def _method_not_allowed(method: str, methods: dict[str, Any]) -> Problem:
    allowed = _allow(methods)
    shown = method if method.isascii() and len(method) < 20 else "This method"
    detail = f"{shown} is not possible here; possible are {allowed[1].decode()}."
    return Problem(405, "METHOD_NOT_ALLOWED", detail, headers=[allowed])


def _allow(methods: dict[str, Any]) -> tuple[bytes, bytes]:
    names = sorted({*methods, "OPTIONS", *(("HEAD",) if "GET" in methods else ())})
    return b"allow", ", ".join(names).encode()


def _overloaded() -> Problem:
    headers = [(b"retry-after", b"1")]
    return Problem(503, "OVERLOADED", "Too many requests are under way. Try again in a moment.", headers=headers)


async def _send_problem(send: Send, span: HttpServerSpan, problem: Problem) -> None:
    span.status = problem.status
    headers = [(b"content-type", errors.CONTENT_TYPE), *api_headers(span), *problem.headers]
    await send_all(send, problem.status, headers, problem.body(span.trace_id))
