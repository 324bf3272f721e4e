"""Service accounts of a data folder: real RSA keys in Google's key-file format.

``ensure_key_file`` works without a running server, so that whoever starts the server knows the file beforehand.
"""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: The one project that all accounts of a server belong to.
PROJECT_ID, PROJECT_NUMBER = "local-sheets", 100000000001
DEFAULT_ACCOUNT = "pipeline"
DEFAULT_KEY_FILE = "service-account.json"


def key_path(data_dir: Path, name: str = DEFAULT_ACCOUNT) -> Path:
    """Where the key file of an account is kept."""
    return data_dir / DEFAULT_KEY_FILE if name == DEFAULT_ACCOUNT else data_dir / "accounts" / f"{name}.json"


def ensure_key_file(data_dir: Path, endpoint: str, name: str = DEFAULT_ACCOUNT) -> Path:
    """The account's key file, made if it is not there; its ``token_uri`` names the server at ``endpoint``.

    The key itself stays the same when the address changes. Only its owner can read the file.
    """
    path = key_path(data_dir, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    message = json.loads(path.read_text()) if path.exists() else _new_account(name)
    token_uri = f"{endpoint.rstrip('/')}/token"
    if message.get("token_uri") != token_uri:
        write_private(path, json.dumps({**message, "token_uri": token_uri}, indent=2).encode() + b"\n")
    return path


def _new_account(name: str) -> dict[str, Any]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": PROJECT_ID,
        "private_key_id": secrets.token_hex(20),
        "private_key": text.decode(),
        "client_email": f"{name}@{PROJECT_ID}.iam.gserviceaccount.com",
        "client_id": str(10**20 + secrets.randbelow(10**20)),
        "universe_domain": "googleapis.com",
    }


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


def make_private(data_dir: Path) -> None:
    """Take the rights of others from the files of a data folder that an earlier version made; foreign files stay."""
    drive = ["folders.json", "channels.json", "removed-files.json"]
    own = ["spreadsheets", "accounts", DEFAULT_KEY_FILE, "token-secret", "server.lock", *drive]
    found = [data_dir / name for name in own]
    found += [path for folder in found[:2] if folder.is_dir() for path in folder.iterdir()]
    for path in found:
        if path.exists() and not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def accounts(data_dir: Path) -> Iterator[dict[str, Any]]:
    """The key files of all accounts."""
    for path in [data_dir / DEFAULT_KEY_FILE, *sorted((data_dir / "accounts").glob("*.json"))]:
        if path.exists():
            yield json.loads(path.read_text())
