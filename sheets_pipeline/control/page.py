"""The pages for people: the dashboard, and the API's document to read. All files come from this machine."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
#: Roboto and Material Symbols; ORIGIN.md there says where they come from.
FONTS = Path(__file__).parent / "vendored"


def add_pages(app: FastAPI) -> None:
    """``/dashboard``, its pages of edits and of sources, ``/docs``, and what they load, under ``/page/``."""
    app.mount("/page/static", StaticFiles(directory=STATIC))
    app.mount("/page/fonts", StaticFiles(directory=FONTS))

    @app.get("/dashboard", include_in_schema=False)
    def dashboard() -> FileResponse:
        return FileResponse(STATIC / "dashboard.html")

    @app.get("/dashboard/edits", include_in_schema=False)
    def edits() -> FileResponse:
        return FileResponse(STATIC / "edits.html")

    @app.get("/dashboard/sources", include_in_schema=False)
    def sources() -> FileResponse:
        return FileResponse(STATIC / "sources.html")

    @app.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        return FileResponse(STATIC / "docs.html")
