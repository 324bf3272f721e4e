"""Answers to queries by link, as JSON for scripts and programs, CSV, TSV for Excel, or a page.

See https://developers.google.com/chart/interactive/docs/dev/implementing_data_source#json-response-format; CSV, TSV
and HTML as https://github.com/google/google-visualization-java renders them.
"""

import csv
import io
import zlib
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import orjson
from starlette.responses import Response

from local_sheets.cell_values.number_format import render
from local_sheets.cell_values.serial import from_serial
from local_sheets.doors.gviz_request import Asked, GvizError
from local_sheets.formulas.query.table import Column, Table, Value

_DAYS = ("date", "datetime", "timeofday")
_FORMATS = {"date": "DATE", "datetime": "DATE_TIME", "timeofday": "TIME"}
_VERSION = "0.6"


def answer_table(asked: Asked, table: Table, headers: int, locale: str, *, is_plain: bool) -> Response:
    """The answer with a table. ``headers``: rows that were taken for headers; ``is_plain``: no call around the JSON."""
    if asked.out != "json":
        return _file(asked, _texts(table, locale), table)
    found = _table_json(table, headers, locale)
    signature = str(zlib.crc32(orjson.dumps(found)))
    if asked.signature == signature:
        return answer_error(asked, GvizError("not_modified", "", "Data not modified"), is_plain=is_plain)
    body = {"version": _VERSION, "reqId": asked.request_id, "status": "ok", "sig": signature, "table": found}
    return _json(asked, body, is_plain=is_plain)


def answer_error(asked: Asked, error: GvizError, *, is_plain: bool) -> Response:
    """A refusal, with status 200 as Google sends it: scripts could not read it otherwise."""
    if asked.out == "json":
        body = {"version": _VERSION, "reqId": asked.request_id, "status": "error", "errors": [error.body()]}
        return _json(asked, body, is_plain=is_plain)
    if asked.out == "html":
        text = f"<h3>Oops, an error occured.</h3> - Status: error - Reason: {escape(error.message)} - "
        return _html(f"{text}Description: {escape(error.detail)}")
    return _download(asked, _lines([[f"Error: {error.message}. {error.detail}"]], asked.out))


def _json(asked: Asked, body: dict[str, Any], *, is_plain: bool) -> Response:
    text = orjson.dumps(body)
    if is_plain:
        return Response(b")]}'\n" + text, media_type="application/json; charset=utf-8")
    script = b"/*O_o*/\n" + asked.handler.encode() + b"(" + text + b");"
    return Response(script, media_type="text/javascript; charset=utf-8")


# -- JSON


def _table_json(table: Table, headers: int, locale: str) -> dict[str, Any]:
    formats = [_format(column) for column in table.columns]
    kinds = [column.kind for column in table.columns]
    rows = [
        {"c": [_cell(*item, locale) for item in zip(row, kinds, formats, strict=True)]} for row in table.rows
    ]  # fmt: skip
    return {"cols": [_column(column) for column in table.columns], "rows": rows, "parsedNumHeaders": headers}


def _column(column: Column) -> dict[str, str]:
    found = {"id": column.id, "label": column.label, "type": column.kind}
    pattern = column.pattern or ("General" if column.kind == "number" else "")
    return {**found, "pattern": pattern} if pattern else found


def _format(column: Column) -> dict[str, Any] | None:
    kind = _FORMATS.get(column.kind)
    if column.pattern:
        return {"type": kind or "NUMBER", "pattern": column.pattern}
    return {"type": kind} if kind else None


def _cell(value: Value, kind: str, shown: dict[str, Any] | None, locale: str) -> dict[str, Any] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return {"v": value}
    text = render(value, shown, locale)
    if isinstance(value, bool):
        return {"v": value, "f": text}
    if kind in _DAYS:
        moment = _moment(value, kind)
        return None if moment is None else {"v": moment, "f": text}
    return {"v": float(value), "f": text}


def _moment(days: float, kind: str) -> str | list[int] | None:
    """A date as the call that makes it, months counted from 0; a time of day as its parts."""
    try:
        at = from_serial(days)
    except OverflowError:
        return None
    milliseconds = at.microsecond // 1000
    if kind == "timeofday":
        return [at.hour, at.minute, at.second, milliseconds]
    parts = [at.year, at.month - 1, at.day]
    if kind == "datetime":
        parts += [at.hour, at.minute, at.second, *([milliseconds] if milliseconds else [])]
    return f"Date({','.join(map(str, parts))})"


# -- text


def _texts(table: Table, locale: str) -> list[list[str]]:
    formats = [_format(column) for column in table.columns]
    return [
        [render(value, shown, locale) for value, shown in zip(row, formats, strict=True)] for row in table.rows
    ]  # fmt: skip


def _file(asked: Asked, rows: list[list[str]], table: Table) -> Response:
    labels = [column.label for column in table.columns]
    if asked.out == "html":
        return _html(_page_table(labels, rows, [column.kind for column in table.columns]))
    return _download(asked, _lines([labels, *rows] if table.has_labels else rows, asked.out))


def _lines(rows: Sequence[Sequence[str]], out: str) -> str:
    """Every field in quotes."""
    text = io.StringIO()
    delimiter = "," if out == "csv" else "\t"
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n", delimiter=delimiter).writerows(rows)
    return text.getvalue()


def _download(asked: Asked, text: str) -> Response:
    if asked.out == "csv":
        body, kind, name = text.encode(), "text/csv; charset=utf-8", "data.csv"
    else:
        body, kind, name = text.encode("utf-16"), "text/csv; charset=UTF-16LE", "data.xls"
    shown = quote(asked.file_name or name, safe=" .-_")
    return Response(body, media_type=kind, headers={"content-disposition": f'attachment; filename="{shown}"'})


def _page_table(labels: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[str]) -> str:
    head = "".join(f"<td>{escape(label)}</td>" for label in labels)
    lines = [f'<tr style="font-weight: bold; background-color: #aaa;">{head}</tr>']
    for place, row in enumerate(rows):
        cells = [
            f'<td align="right">{escape(text)}</td>' if kind == "number" else f"<td>{escape(text) or '&nbsp;'}</td>"
            for text, kind in zip(row, kinds, strict=True)
        ]
        lines.append(f'<tr style="background-color: #{"ffffff" if place % 2 else "f0f0f0"}">{"".join(cells)}</tr>')
    return f'<table border="1" cellpadding="2" cellspacing="0">{"".join(lines)}</table>'


def _html(inner: str) -> Response:
    page = (
        '<!DOCTYPE html><html><head><meta charset="utf-8">'
        f"<title>Google Visualization</title></head><body>{inner}</body></html>"
    )
    return Response(page, media_type="text/html; charset=utf-8")
