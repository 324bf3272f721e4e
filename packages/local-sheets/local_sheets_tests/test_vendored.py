"""What is kept of other projects: as it was taken, each with its licence, and renewed by a script that knows all of it."""

import re
import runpy
from fnmatch import fnmatch
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import local_sheets

PACKAGE = Path(local_sheets.__file__).parent
VENDORED = PACKAGE / "vendored"
STATIC = PACKAGE / "page" / "static"
SCRIPT = PACKAGE.parent / "renew_vendored.py"
_ROW = re.compile(r"^\| `(\S+)` \| .+ \| \S+, `(LICENSE-\w+\.txt)` \|$", re.MULTILINE)
_NAMED = re.compile(r'class="icon[^>]*>(\w+)<|icon(?:Button)?\("(\w+)"|icon: "(\w+)"')


def files() -> set[str]:
    return {path.relative_to(VENDORED).as_posix() for path in VENDORED.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """Names of the script that renews them; it stands beside the package, not in it."""
    if not SCRIPT.is_file():
        pytest.skip("installed without its sources")
    return runpy.run_path(str(SCRIPT))


def test_each_file_is_as_it_was_taken() -> None:
    lines = (VENDORED / "SHA256SUMS").read_text().splitlines()
    noted = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(noted) == files() - {"SHA256SUMS"}
    for name, digest in noted.items():
        assert sha256((VENDORED / name).read_bytes()).hexdigest() == digest, f"{name}: run renew_vendored.py"


def test_each_file_has_an_origin_and_its_licence_beside_it() -> None:
    rows = _ROW.findall((VENDORED / "ORIGIN.md").read_text())
    licences = {licence for _, licence in rows}
    taken = files() - licences - {"ORIGIN.md", "SHA256SUMS", "fonts.css"}
    assert len(taken) > 10
    for name in taken:
        assert len([pattern for pattern, _ in rows if fnmatch(name, pattern)]) == 1, name
    for licence in licences:
        assert len((VENDORED / licence).read_text()) > 4000
    assert {path.name for path in VENDORED.glob("LICENSE-*")} == licences


def test_the_styles_name_the_fonts_that_are_there() -> None:
    named = re.findall(r"url\((.+?)\)", (VENDORED / "fonts.css").read_text())
    assert sorted(named) == sorted(name for name in files() if name.endswith(".woff2"))
    for name in named:
        assert (VENDORED / name).read_bytes()[:4] == b"wOF2"


def test_every_symbol_of_the_page_is_in_the_font() -> None:
    pages = [*STATIC.glob("*.html"), *STATIC.glob("js/*.js")]
    named = {name for page in pages for names in _NAMED.findall(page.read_text()) for name in names if name}
    kept = (VENDORED / "ORIGIN.md").read_text().rpartition("symbols.woff2`: ")[2]
    assert len(named) > 25
    assert named - set(re.findall(r"\w+", kept)) == set(), "run renew_vendored.py"


def test_renewing_gives_the_documents_that_are_there(script: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("googleapiclient")
    revisions = script["renew_documents"](tmp_path)
    assert {f"discovery/{path.name}" for path in (tmp_path / "discovery").iterdir()} == {
        name for name in files() if name.startswith("discovery/")
    }
    origin = (VENDORED / "ORIGIN.md").read_text()
    if f"`google-api-python-client` {metadata.version('google-api-python-client')}," in origin:
        assert ", ".join(revisions) in origin
        for path in (tmp_path / "discovery").iterdir():
            assert path.read_bytes() == (VENDORED / "discovery" / path.name).read_bytes()


def test_the_notes_are_those_that_the_script_writes(script: dict[str, Any], tmp_path: Path) -> None:
    template = script["ORIGIN"] + script["DISCOVERY"]
    words = re.escape(template)
    for blank in ("nicegui", "client", "revisions"):
        words = words.replace(re.escape(f"{{{blank}}}"), ".+")
    assert re.match(words, (VENDORED / "ORIGIN.md").read_text())
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "a").write_text("a")
    script["write_sums"](tmp_path)
    script["write_sums"](tmp_path)
    assert (tmp_path / "SHA256SUMS").read_text() == f"{sha256(b'a').hexdigest()}  fonts/a\n"
