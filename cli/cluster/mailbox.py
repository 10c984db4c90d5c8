"""`kith mailbox`: an SMTP server for try-outs, which sends nothing on and shows over HTTP what came.

`/` lists the mails for people, `/mails` as JSON; `/mails/<id>` shows one as text, `/mails/<id>.eml` is the mail itself.
A mail's HTML is never rendered: anybody may have written it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import uvicorn
from liquid import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cli.cluster.letters import Letter, Letters
from cli.local.mailbox import listen

_PAGE = Path(__file__).parent / "mails.html.liquid"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def web(letters: Letters) -> Starlette:
    """The pages over a mailbox."""
    page = Environment(autoescape=True).from_string(_PAGE.read_text())

    def found(request: Request) -> Letter:
        letter = letters.find(request.path_params["id"])
        if letter is None:
            raise HTTPException(404, "this mail is not kept (any more)")
        return letter

    async def list_page(_request: Request) -> Response:
        listed = [letter.summary() for letter in letters.newest_first()]
        return HTMLResponse(page.render(title=f"{len(listed)} mails", letters=listed), headers=_HEADERS)

    async def list_json(_request: Request) -> Response:
        return JSONResponse({"mails": [letter.summary() for letter in letters.newest_first()]}, headers=_HEADERS)

    async def letter_page(request: Request) -> Response:
        letter = found(request)
        shown = letter.summary()
        title = shown["subject"] or "(no subject)"
        return HTMLResponse(page.render(title=title, letter=shown, text=letter.text()), headers=_HEADERS)

    async def letter_file(request: Request) -> Response:
        letter = found(request)
        disposition = {"Content-Disposition": f'attachment; filename="{letter.id}.eml"'}
        return Response(letter.content, media_type="message/rfc822", headers={**_HEADERS, **disposition})

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "alive"}, headers=_HEADERS)

    return Starlette(
        routes=[
            Route("/", list_page),
            Route("/mails", list_json),
            Route("/mails/{id:int}", letter_page),
            Route("/mails/{id:int}.eml", letter_file),
            Route("/livez", alive),
        ]
    )


async def serve(smtp: str, http: str, letters: Letters, largest_bytes: int) -> None:
    """Serves both until SIGTERM or SIGINT. Addresses are `host:port`."""
    host, _, port = http.rpartition(":")
    config = uvicorn.Config(
        web(letters), host=host.strip("[]"), port=int(port), access_log=False, timeout_graceful_shutdown=2
    )
    async with await listen(smtp, letters.keep, largest_bytes):
        await uvicorn.Server(config).serve()


def _address(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise click.BadParameter(f"{text} is no host:port")
    return text


@click.command()
@click.option("--smtp", default="0.0.0.0:2525", show_default=True, callback=_address, help="Where mails come in.")
@click.option("--http", default="0.0.0.0:8080", show_default=True, callback=_address, help="Where they are shown.")
@click.option("--keep", default=500, show_default=True, type=click.IntRange(1, 100_000), help="Mails at most.")
@click.option("--keep-megabytes", default=32, show_default=True, type=click.IntRange(1, 4096), help="All mails' size.")
@click.option(
    "--largest-megabytes", default=10, show_default=True, type=click.IntRange(1, 100), help="One mail's size."
)
def mailbox(smtp: str, http: str, keep: int, keep_megabytes: int, largest_megabytes: int) -> None:
    """Receive mails, keep the newest in memory, and show them on a web page. For try-outs: it has no log-in."""
    letters = Letters(keep, keep_megabytes * 1_000_000)
    asyncio.run(serve(smtp, http, letters, largest_megabytes * 1_000_000))
