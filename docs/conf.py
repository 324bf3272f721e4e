"""How Sphinx builds the site: ``make docs``, into build/docs. Its pages load nothing from another host, or the build fails."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

project = "Sheets Pipeline"

extensions = ["myst_parser"]
nitpicky = True
smartquotes = False  # would make one dash of the two of an option
highlight_language = "none"
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False

_ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_IN_CSS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s]+)""", re.IGNORECASE)


class _Requests(HTMLParser):
    """Collects the addresses that a browser fetches to show a page; links that somebody follows are none."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "poster", "data") or (
                name in ("href", "xlink:href") and tag in ("link", "image", "use")
            ):
                self.addresses.append(value or "")
            elif name in ("srcset", "imagesrcset"):
                self.addresses += [part.strip() for part in (value or "").split(",")]
            elif name == "style":
                self.addresses += _IN_CSS.findall(value or "")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.addresses += _IN_CSS.findall(data)


def foreign_requests(built: Path) -> Iterator[tuple[str, str]]:
    """Page and address of each thing that a page of the built site would fetch from another host."""
    for path in sorted(built.rglob("*")):
        addresses: list[str] = []
        if path.suffix == ".css":
            addresses = _IN_CSS.findall(path.read_text())
        elif path.suffix in (".html", ".svg"):
            page = _Requests()
            page.feed(path.read_text())
            addresses = page.addresses
        yield from ((str(path.relative_to(built)), address) for address in addresses if _ELSEWHERE.match(address))


def _refuse_foreign_requests(app: Sphinx, error: Exception | None) -> None:
    if error is None and (requests := list(foreign_requests(Path(app.outdir)))):
        told = "; ".join(f"{page}: {address}" for page, address in requests)
        raise ExtensionError(f"Pages load from other hosts, where they must bring all that they show along: {told}")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("build-finished", _refuse_foreign_requests)
