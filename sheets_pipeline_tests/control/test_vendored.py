"""The fonts of the dashboard: as they were taken, with their licences, and all that its pages show."""

import re
from hashlib import sha256

from sheets_pipeline.control.page import FONTS, STATIC

_NAMED = re.compile(r'class="icon[^>]*>(\w+)<|icon\("(\w+)"|icon: "(\w+)"')


def test_each_file_is_as_it_was_taken_and_its_licence_is_there() -> None:
    noted = dict(line.split("  ")[::-1] for line in (FONTS / "SHA256SUMS").read_text().splitlines())
    there = {path.relative_to(FONTS).as_posix() for path in FONTS.rglob("*") if path.is_file()}
    assert set(noted) == there - {"SHA256SUMS"}
    for name, digest in noted.items():
        assert sha256((FONTS / name).read_bytes()).hexdigest() == digest, f"{name}: run renew_vendored.py"
    licences = set(re.findall(r"LICENSE-\w+\.txt", (FONTS / "ORIGIN.md").read_text()))
    assert licences == {name for name in there if name.startswith("LICENSE-")} != set()


def test_the_styles_name_the_fonts_that_are_there() -> None:
    named = set(re.findall(r"url\(fonts/(.+?)\)", (FONTS / "fonts.css").read_text()))
    assert named == {path.name for path in (FONTS / "fonts").iterdir()}


def test_every_symbol_that_the_pages_name_is_in_the_font() -> None:
    pages = [*STATIC.glob("*.html"), *STATIC.glob("js/*.js")]
    named = {name for page in pages for names in _NAMED.findall(page.read_text()) for name in names if name}
    kept = (FONTS / "ORIGIN.md").read_text().rpartition("symbols.woff2`: ")[2]
    assert len(named) > 10
    assert named - set(re.findall(r"\w+", kept)) == set(), "run renew_vendored.py"
