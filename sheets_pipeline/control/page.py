"""The pages for people: the dashboard, and the API's document to read. All files come from this machine."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"


def add_pages(app: FastAPI) -> None:
    """``/dashboard``, ``/docs``, and what they load, under ``/page/``."""
    app.mount("/page/static", StaticFiles(directory=STATIC))
    app.mount("/page/fonts", StaticFiles(directory=_font_folder()))

    @app.get("/dashboard", include_in_schema=False)
    def dashboard() -> FileResponse:
        return FileResponse(STATIC / "dashboard.html")

    @app.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        return FileResponse(STATIC / "docs.html")


def _font_folder() -> Path:
    """Where the package ``nicegui`` keeps Roboto and Material Symbols; found without importing it.

    Raises:
        FileNotFoundError: The package is not installed, or has no such folder.
    """
    spec = find_spec("nicegui")
    folder = Path(spec.origin).parent / "static" if spec is not None and spec.origin else None
    if folder is None or not (folder / "fonts.css").is_file():
        raise FileNotFoundError(
            f"The dashboard takes its fonts from the package nicegui, version 3: expected {folder or 'nicegui'}/"
            "fonts.css. Install the project's dependencies again."
        )
    return folder
