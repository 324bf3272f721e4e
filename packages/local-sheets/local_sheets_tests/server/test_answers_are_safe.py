"""Whatever is asked, and whoever answers: the same security headers, and no text of the request that a browser runs."""

import socket

import pytest
import requests

from local_sheets.security_headers import SECURITY_HEADERS
from local_sheets.testing import LocalSheetsServer

SCRIPT = "<script>alert(1)</script>"
QUOTED = "%3Cscript%3Ealert(1)%3C/script%3E"


def ask(server: LocalSheetsServer, head: str) -> tuple[int, dict[str, str], str]:
    """Send a request as it is written here, which no client would; gives status, headers and body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")
    first, _, rest = answer.partition("\r\n")
    lines, _, body = rest.partition("\r\n\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines.split("\r\n"))
    return int(first.split()[1]), headers, body


def has_all(headers: object) -> bool:
    return all(headers.get(name.lower(), "").lower() == text.lower() for name, text in SECURITY_HEADERS.items())  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/{QUOTED}",
        f"/v4/{QUOTED}",
        f"/v4/spreadsheets/{QUOTED}/nothing/here",
        f"/v4/{SCRIPT}",
        f"/v4/x%26lt;{QUOTED}",
        f"/drive/v3/{QUOTED}",
        f"/drive/v3/files/{QUOTED}",
        f"/upload/drive/v2/{QUOTED}",
        f"/spreadsheets/d/{QUOTED}/export?format={QUOTED}",
        f"/_local/{QUOTED}",
        "/_local/health",
        "/page/static",
        f"/page/static/{QUOTED}",
        "/page/static/css/base.css",
        f"/page/api/spreadsheets/{QUOTED}",
        "/token",
        f"/v4/spreadsheets/x/values/{QUOTED}?fields={QUOTED}",
    ],
)
def test_every_answer_has_the_headers_and_escapes_text(shared_server: LocalSheetsServer, verb: str, path: str):
    head = f"{verb} {path} HTTP/1.1\nHost: 127.0.0.1:{shared_server.port}\nConnection: close\n\n"
    status, headers, body = ask(shared_server, head)
    assert status < 500
    assert has_all(headers), headers
    if not headers.get("content-type", "").startswith("application/json"):
        assert "<script>alert" not in body


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\nHost: evil.example\nConnection: close\n\n",
        f"GET / HTTP/1.1\nHost: {SCRIPT}\nConnection: close\n\n",
        "GET / HTTP/1.1\nConnection: close\n\n",
        "nonsense\n\n",
        "GET /\x80\xff HTTP/1.1\nHost: x\nConnection: close\n\n",
        "GET http://evil.example HTTP/1.1\nHost: x\nConnection: close\n\n",
    ],
)
def test_refusals_have_the_headers_too(shared_server: LocalSheetsServer, head: str):
    status, headers, body = ask(shared_server, head)
    assert 400 <= status < 500
    assert has_all(headers), headers
    assert not headers["content-type"].startswith("text/html")
    assert "Internal" not in body


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest", "status"),
    [("no-cors", "image", 403), ("navigate", "iframe", 403), ("cors", "empty", 403), ("navigate", "document", 200)],
)
def test_other_pages_may_only_link_to_ours(shared_server: LocalSheetsServer, site: str, mode: str, dest: str, status):
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    assert requests.get(f"{shared_server.endpoint}/_local/health", headers=headers, timeout=30).status_code == status
    assert requests.post(f"{shared_server.endpoint}/_local/accounts", headers=headers, timeout=30).status_code == 403


def test_a_fault_with_html_has_the_headers(local_sheets: LocalSheetsServer):
    local_sheets.faults(action="error", status=503, body=SCRIPT)
    answer = requests.get(f"{local_sheets.endpoint}/v4/spreadsheets/x", timeout=30)
    assert answer.status_code == 503
    assert has_all(answer.headers)
