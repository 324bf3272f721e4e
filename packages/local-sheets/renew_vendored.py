"""Renews what ``local_sheets/vendored`` holds of others: discovery documents and fonts. The licences beside them stay.

    python -m venv /tmp/renew && /tmp/renew/bin/pip install google-api-python-client nicegui fonttools brotli
    /tmp/renew/bin/python packages/local-sheets/renew_vendored.py

Given a folder and the folder of a page (``VENDORED PAGE``), it renews the fonts of another page there.

``nicegui`` is only where the fonts are taken from: it brings Google's Roboto and Material Symbols as WOFF2. Of the symbols
only those are kept that the page names. Look at the page afterwards; the tests of ``local_sheets_tests/page`` do, too.
``ORIGIN.md`` names the symbols that are there, ``SHA256SUMS`` says what each file was when it was taken (``sha256sum -c``).
"""

import json
import re
import shutil
import sys
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill

PACKAGE = Path(__file__).parent / "local_sheets"
DOCUMENTS = ("sheets.v4.json", "drive.v3.json")
SYMBOLS = "Material Symbols Outlined"

ORIGIN = """# Where these files come from

Made by `packages/local-sheets/renew_vendored.py`; do not edit them.

| Files | From | Licence |
|---|---|---|
| `fonts/roboto-*.woff2` | Roboto by the Roboto Project Authors (https://github.com/googlefonts/roboto-classic), as in `nicegui` {nicegui} | OFL-1.1, `LICENSE-OFL.txt` |
| `fonts/symbols.woff2` | Material Symbols Outlined by Google (https://github.com/google/material-design-icons), as in `nicegui` {nicegui}; only the symbols that the page names | Apache-2.0, `LICENSE-APACHE.txt` |
"""
SYMBOLS_KEPT = "Symbols in `fonts/symbols.woff2`: {symbols}."
DISCOVERY = (
    "| `discovery/*.json` | `google-api-python-client` {client}, its `discovery_cache`; revisions {revisions} "
    "| Apache-2.0, `LICENSE-APACHE.txt` |\n"
)


def folder_of(package: str) -> Path:
    """Where an installed package lies; it is not imported."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"The package {package} is not installed here; see the first lines of this file.")
    return Path(spec.origin).parent


def renew_documents(vendored: Path) -> list[str]:
    """Copy the discovery documents; gives their revisions."""
    source = folder_of("googleapiclient") / "discovery_cache" / "documents"
    target = fresh(vendored / "discovery")
    revisions = []
    for name in DOCUMENTS:
        document = json.loads((source / name).read_text(encoding="utf-8"))
        (target / name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        revisions.append(f"{name} {document['revision']}")
    return revisions


def renew_fonts(vendored: Path, page: Path) -> list[str]:
    """Copy Roboto, one variable font per script, and the symbols that the page uses, which are given; write ``fonts.css``."""
    source = folder_of("nicegui") / "static"
    target = fresh(vendored / "fonts")
    faces: list[str] = []
    taken: dict[str, str] = {}
    symbols: list[str] = []
    for block in re.findall(r"@font-face \{(.*?)\}", (source / "fonts.css").read_text(), re.DOTALL):
        family = re.search(r'font-family: "(.*?)"', block)
        file = re.search(r"fonts/(\w+\.woff2)", block)
        scripts = re.search(r"unicode-range: ([^;]+);", block)
        if family is None or file is None or family[1] not in ("Roboto", SYMBOLS) or file[1] in taken:
            continue
        is_roboto = family[1] == "Roboto"
        name = f"roboto-{len(taken)}.woff2" if is_roboto else "symbols.woff2"
        taken[file[1]] = name
        if is_roboto:
            shutil.copyfile(source / "fonts" / file[1], target / name)
        else:
            symbols = write_symbols(source / "fonts" / file[1], target / name, page)
        lines = [
            f'font-family: "{family[1]}"',
            "font-style: normal",
            f"font-weight: {'100 900' if is_roboto else '400'}",
            f"font-display: {'swap' if is_roboto else 'block'}",
            f'src: url(fonts/{name}) format("woff2")',
            *([f"unicode-range: {scripts[1]}"] if scripts else []),
        ]
        faces.append("@font-face {\n" + "".join(f"  {line};\n" for line in lines) + "}\n")
    (vendored / "fonts.css").write_text("".join(faces))
    return symbols


def write_symbols(source: Path, target: Path, page: Path) -> list[str]:
    """The font without the symbols that the page does not name; gives those that it names."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    words = {word for path in page.rglob("*.*") for word in re.findall(r"[a-z0-9_]+", path.read_text(encoding="utf-8"))}
    font = TTFont(source, recalcTimestamp=False)
    glyph_of_letter = font.getBestCmap()
    names = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            for first, ligatures in getattr(table, "ligatures", {}).items():
                for ligature in ligatures:
                    names["".join([first, *ligature.Component])] = ligature.LigGlyph
    letters = {"_": "underscore"} | {str(n): glyph_of_letter[ord(str(n))] for n in range(10)}
    spelled = {word: "".join(letters.get(letter, letter) for letter in word) for word in words}
    wanted = sorted(word for word, spelling in spelled.items() if spelling in names)
    kept = {names[spelled[word]] for word in wanted} | {
        glyph_of_letter[ord(letter)] for letter in "abcdefghijklmnopqrstuvwxyz0123456789_"
    }
    options = subset.Options(flavor="woff2", layout_closure=False, layout_features=["*"], notdef_outline=True)
    maker = subset.Subsetter(options)
    maker.populate(glyphs=kept, unicodes=[ord(letter) for letter in "abcdefghijklmnopqrstuvwxyz0123456789_"])
    maker.subset(font)
    font.flavor = "woff2"
    font.save(target)
    print(f"{len(wanted)} symbols kept, {target.stat().st_size:,} bytes")  # noqa: T201
    return wanted


def write_sums(vendored: Path) -> None:
    """Note the digest of each file, as ``sha256sum`` does."""
    files = sorted(path for path in vendored.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(vendored).as_posix()}\n" for path in files]
    (vendored / "SHA256SUMS").write_text("".join(lines))


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def main() -> None:
    """Renew our own files, or the fonts of the page that is named."""
    is_ours = len(sys.argv) == 1
    vendored, page = (PACKAGE / "vendored", PACKAGE / "page" / "static") if is_ours else map(Path, sys.argv[1:])
    symbols = renew_fonts(vendored, page)
    origin = ORIGIN.format(nicegui=metadata.version("nicegui"))
    if is_ours:
        revisions = ", ".join(renew_documents(vendored))
        origin += DISCOVERY.format(client=metadata.version("google-api-python-client"), revisions=revisions)
    kept = fill(SYMBOLS_KEPT.format(symbols=", ".join(symbols)), width=120)
    (vendored / "ORIGIN.md").write_text(f"{origin}\n{kept}\n")
    write_sums(vendored)


if __name__ == "__main__":
    main()
