"""Whoever answers in Google's place: a server that gives the answers of a list, in turn, over HTTP or TLS."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PAGE = "<!doctype html><html><body>Sign in to the network</body></html>"


@dataclass
class Answer:
    """One answer."""

    status: int = 200
    body: str = "{}"
    content_type: str = "application/json"


@dataclass
class Stranger:
    """``answers`` are given in turn, the last one again and again; ``asked`` are the paths of all requests."""

    answers: list[Answer]
    endpoint: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def stranger(*answers: Answer, certificate: Path | None = None) -> Iterator[Stranger]:
    """A server on a free port of this machine; with a certificate (and its key in one file) it speaks TLS."""
    listening = Stranger(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            listening.asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = listening.answers.pop(0) if len(listening.answers) > 1 else listening.answers[0]
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_CONNECT = _answer  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    listening.endpoint = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield listening
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(path: Path, *, days_old: int = 1) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, good for 30 days, and its key, in one file."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Inspection of a company")])
    begins = datetime.now(UTC) - timedelta(days=days_old)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path
