"""The site is built strictly, and its pages load nothing from other hosts."""

import subprocess
import sys
from pathlib import Path

import pytest

from docs.conf import foreign_requests

DOCS = Path(__file__).parents[2] / "docs"


def build(folder: Path, page: str) -> subprocess.CompletedProcess[str]:
    """Build a site of this page and another one as ``make docs`` builds ours."""
    source = folder / "source"
    (source / "_static").mkdir(parents=True)
    (source / "index.md").write_text(f"# Words\n\n{page}\n\n```{{toctree}}\nother\n```\n")
    (source / "other.md").write_text("# Other words\n\n## A heading\n")
    (source / "_static" / "site.css").write_bytes((DOCS / "_static" / "site.css").read_bytes())
    strictly = ["--quiet", "--fail-on-warning", "--keep-going"]
    folders = ["--conf-dir", str(DOCS), "--doctree-dir", str(folder / "doctrees"), str(source), str(folder / "built")]
    command = [sys.executable, "-m", "sphinx", *strictly, *folders]
    return subprocess.run(command, capture_output=True, text=True, cwd=DOCS.parent, timeout=60, check=False)


def test_a_site_with_a_link_to_follow_is_built_with_all_that_it_shows(tmp_path: Path) -> None:
    told = build(tmp_path, "[out](https://dagster.io), [in](other.md#a-heading), an option --json")
    assert (told.returncode, told.stderr) == (0, "")
    html = (tmp_path / "built" / "index.html").read_text()
    assert 'href="other.html#a-heading"' in html
    assert "an option --json" in html
    assert list(foreign_requests(tmp_path / "built")) == []


def test_a_site_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    refused = build(tmp_path, '[a](missing.md) [b](other.md#no-heading) <img src="https://example.org/a.png">')
    assert refused.returncode != 0
    for told in ("missing.md", "no-heading", "index.html: https://example.org/a.png"):
        assert told in refused.stderr


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.html", '<script src="//example.org/a.js"></script>', "//example.org/a.js"),
        ("a.html", '<LINK rel="preload" HREF="HTTPS://example.org/a.woff2">', "HTTPS://example.org/a.woff2"),
        ("a.html", '<img srcset="a.png 1x, https://example.org/b.png 2x">', "https://example.org/b.png 2x"),
        ("a.html", "<style>@import 'https://example.org/a.css'</style>", "https://example.org/a.css"),
        ("a.html", '<p style="background: url(https://example.org/a.png)">', "https://example.org/a.png"),
        ("a.svg", '<image xlink:href="http://example.org/a.png"/>', "http://example.org/a.png"),
        ("a.css", "@font-face { src: url( 'https://example.org/a.woff2' ) }", "https://example.org/a.woff2"),
        ("a.html", '<a href="https://example.org">out</a> <script src="a.js"></script>', None),
        ("a.html", "<pre>&lt;img src='https://example.org/a.png'&gt;</pre>", None),
        ("a.css", "a { background: url(data:image/png;base64,AA//) }", None),
    ],
)
def test_what_a_browser_would_load_from_another_host_is_seen(
    tmp_path: Path, name: str, text: str, found: str | None
) -> None:
    (tmp_path / name).write_text(text)
    assert list(foreign_requests(tmp_path)) == ([(name, found)] if found else [])
