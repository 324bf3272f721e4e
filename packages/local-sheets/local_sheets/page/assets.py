"""The page's own files and its fonts: all served from this machine, none from another host."""

from pathlib import Path
from string import Template

from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
#: Roboto and Material Symbols; ORIGIN.md there says where they come from.
FONTS = Path(__file__).parents[1] / "vendored"


class CheckedFiles:
    """Files of which browsers ask each time whether they are still the same."""

    def __init__(self, files: ASGIApp) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Cache-Control"] = "no-cache"
            await send(message)

        await self._files(scope, receive, with_headers)


def asset_routes() -> list[BaseRoute]:
    """Routes of scripts, styles and fonts."""
    return [
        Mount("/page/static", CheckedFiles(StaticFiles(directory=STATIC))),
        Mount("/page/fonts/fonts", CheckedFiles(StaticFiles(directory=FONTS / "fonts"))),
        Route("/page/fonts/fonts.css", CheckedFiles(_OneFile(FONTS, "fonts.css"))),
    ]


class _OneFile:
    """One file of a folder, whatever path was asked for."""

    def __init__(self, folder: Path, name: str) -> None:
        self._files, self._name = StaticFiles(directory=folder), name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._files.get_response(self._name, scope)
        await response(scope, receive, send)


def page_html(name: str, session: str) -> str:
    """One of the page's HTML files with the session in its place, and all scripts named, to be fetched at once."""
    scripts = sorted(path.name for path in (STATIC / "js").glob("*.js") if path.name != "list.js")
    modules = "\n".join(f'  <link rel="modulepreload" href="/page/static/js/{script}">' for script in scripts)
    text = (STATIC / name).read_text(encoding="utf-8")
    return Template(text).substitute(session=session, modules=modules)
