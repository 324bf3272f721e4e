"""What the pipeline talks to: the user's own services where settings name them, embedded ones for the rest.

``ensure_services`` starts or attaches what is embedded. Three settings each replace one part:
``DATABASE_URL`` the demo platform, ``DAGSTER_POSTGRES_URL`` Dagster's storage, ``SPREADSHEET_ID`` Local Sheets.
A command that asks says ``attach_only`` first: then nothing is started or made, and what does not run is an error.
The pipeline's own tables live beside the platform's unless ``PIPELINE_DATABASE_URL`` names another place.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sheets_pipeline import database
from sheets_pipeline.embedded.account import installed_programs
from sheets_pipeline.embedded.postgres import Databases, EmbeddedPostgres, Server
from sheets_pipeline.embedded.reconnect import restart_on_connect
from sheets_pipeline.embedded.sheets_server import EmbeddedSheets, SheetsServer, check_installed
from sheets_pipeline.errors import DatabaseError, NotRunning, SettingsError
from sheets_pipeline.settings import Settings

PLATFORM_DATABASE = "learning_platform"
DAGSTER_DATABASE = "dagster"

_CHECKS_OF_INSTALLATION: dict[str, Callable[[], object]] = {
    "PostgreSQL": installed_programs,
    "Local Sheets": check_installed,
}

logger = logging.getLogger(__name__)

#: Whether this process may start what is embedded.
_may_start = True


def attach_only(*, wanted: bool = True) -> None:
    """From here on this process starts nothing embedded (or may again)."""
    global _may_start
    _may_start = not wanted


@dataclass(frozen=True)
class Services:
    """Where everything is. URLs hold passwords: never log them.

    ``sheets_api_endpoint`` is None for Google's; ``credentials_file`` is None where settings say who we are.
    """

    database_url: str
    pipeline_database_url: str
    dagster_postgres_url: str
    sheets_api_endpoint: str | None
    spreadsheet_id: str
    spreadsheet_url: str
    credentials_file: Path | None


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """The embedded PostgreSQL of these settings, running or not."""
    return EmbeddedPostgres(settings.local_data_dir / "postgres")


def embedded_sheets(settings: Settings) -> EmbeddedSheets:
    """The Local Sheets of these settings, running or not."""
    return EmbeddedSheets(settings.local_data_dir)


def embedded_servers(settings: Settings) -> dict[str, EmbeddedSheets | EmbeddedPostgres]:
    """Both by name, in the order in which they are stopped."""
    return {"Local Sheets": embedded_sheets(settings), "PostgreSQL": embedded_postgres(settings)}


def ensure_services(settings: Settings) -> Services:
    """Start or attach what the settings leave embedded; a few milliseconds when everything runs.

    Raises:
        SettingsError: The settings contradict each other.
        NotRunning: After ``attach_only``, a part does not run.
        EmbeddedPostgresError: The embedded PostgreSQL cannot run.
        SheetsUnavailable: Local Sheets cannot run.
    """
    _check(settings)
    if not _may_start:
        check_running(settings)
    database_url = _secret(settings.database_url)
    dagster_url = _secret(settings.dagster_postgres_url)
    if database_url is None or dagster_url is None:
        server = _postgres(settings, _databases(settings))
        database_url = database_url or server.url(PLATFORM_DATABASE)
        dagster_url = dagster_url or server.url(DAGSTER_DATABASE)
    sheets = embedded_sheets(settings).ensure() if settings.spreadsheet_id is None else None
    return _services(settings, database_url, dagster_url, sheets)


def ensure_dagster_postgres(settings: Settings) -> str:
    """The URL of Dagster's storage, for psycopg 2; starts nothing else than what that needs."""
    if settings.dagster_postgres_url is not None:
        return for_dagster(settings.dagster_postgres_url.get_secret_value())
    return for_dagster(_postgres(settings, {DAGSTER_DATABASE: None}).url(DAGSTER_DATABASE))


def stop_services(settings: Settings) -> list[str]:
    """Stop what is embedded, in order; returns the names of what ran."""
    return [name for name, server in embedded_servers(settings).items() if server.stop()]


def reset_services(settings: Settings) -> None:
    """Stop what is embedded and delete its data: demo platform, spreadsheets, Dagster's history."""
    for server in embedded_servers(settings).values():
        server.reset()


def running_services(settings: Settings) -> dict[str, Any]:
    """The fields of ``Services``, each None where that part does not run; starts nothing."""
    server = embedded_postgres(settings).running()
    sheets = embedded_sheets(settings).running()
    database_url = _secret(settings.database_url) or (server.url(PLATFORM_DATABASE) if server else None)
    dagster_url = _secret(settings.dagster_postgres_url) or (server.url(DAGSTER_DATABASE) if server else None)
    urls: dict[str, Any] = {
        "database_url": database_url,
        "pipeline_database_url": _secret(settings.pipeline_database_url) or database_url,
        "dagster_postgres_url": for_dagster(dagster_url) if dagster_url else None,
    }
    if settings.spreadsheet_id is None and sheets is None:
        return {
            **urls,
            **dict.fromkeys(["sheets_api_endpoint", "spreadsheet_id", "spreadsheet_url", "credentials_file"]),
        }
    rest = vars(_services(settings, "", "", sheets))
    return {**rest, **urls}


def for_dagster(url: str) -> str:
    """The same PostgreSQL URL for psycopg 2, which dagster-postgres needs: with psycopg 3 every run would fail."""
    import sqlalchemy as sa

    return sa.make_url(url).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _services(settings: Settings, database_url: str, dagster_url: str, sheets: SheetsServer | None) -> Services:
    """``sheets`` is Local Sheets, where it stands in for Google."""
    endpoint = sheets.endpoint if sheets else settings.sheets_api_endpoint
    spreadsheet_id = sheets.spreadsheet_id if sheets else str(settings.spreadsheet_id)
    page = endpoint or "https://docs.google.com"
    return Services(
        database_url=database_url,
        pipeline_database_url=_secret(settings.pipeline_database_url) or database_url,
        dagster_postgres_url=for_dagster(dagster_url) if dagster_url else "",
        sheets_api_endpoint=endpoint,
        spreadsheet_id=spreadsheet_id,
        spreadsheet_url=f"{page}/spreadsheets/d/{spreadsheet_id}/edit",
        credentials_file=sheets.credentials_file if sheets else None,
    )


def _postgres(settings: Settings, databases: Databases) -> Server:
    """The embedded server, up; connections that this process makes later start it again where it crashed."""
    embedded = embedded_postgres(settings)
    server = embedded.ensure(databases) if _may_start else embedded.running()
    if server is None:
        raise _not_running(settings, ["PostgreSQL"])
    restart_on_connect(embedded, server.password, starts=_may_start)
    if _may_start and PLATFORM_DATABASE in databases:
        url = server.url(PLATFORM_DATABASE)
        embedded.once_per_start("event queue of the demo", _queue_version(), lambda: renew_demo_queue(url))
    return server


def check_running(settings: Settings) -> None:
    """Refuse to go on where something embedded is wanted and does not run.

    Raises:
        EmbeddedMissing: It is not even installed.
        NotRunning: Says what, and how to start it.
    """
    wanted = {
        "PostgreSQL": settings.database_url is None or settings.dagster_postgres_url is None,
        "Local Sheets": settings.spreadsheet_id is None,
    }
    servers = embedded_servers(settings)
    if missing := [name for name, is_wanted in wanted.items() if is_wanted and servers[name].running() is None]:
        for name in missing:
            _CHECKS_OF_INSTALLATION[name]()  # to say how to start it would help nobody
        raise _not_running(settings, missing)


def _not_running(settings: Settings, missing: list[str]) -> NotRunning:
    folder = settings.local_data_dir.absolute()
    known = "" if folder.is_dir() else " There is no such folder: perhaps this is the wrong directory."
    return NotRunning(
        f"The embedded {' and '.join(missing)} of {folder} {'is' if len(missing) == 1 else 'are'} not running, and this "
        f"command starts nothing.{known} Start with `sheets-pipeline dev` or `sheets-pipeline local start`; to use "
        "services of your own, set DATABASE_URL, DAGSTER_POSTGRES_URL and SPREADSHEET_ID, here or in .env."
    )


def _check(settings: Settings) -> None:
    if settings.sheets_api_endpoint is not None and settings.spreadsheet_id is None:
        raise SettingsError(
            f"SHEETS_API_ENDPOINT is {settings.sheets_api_endpoint!r} while SPREADSHEET_ID is not set: expected the "
            "spreadsheet's id there, too. Set SPREADSHEET_ID, or remove SHEETS_API_ENDPOINT to use Local Sheets."
        )


def _databases(settings: Settings) -> Databases:
    """The databases that the embedded server must have, each with what fills it when it is new."""
    wanted: dict[str, Callable[[str], None] | None] = {}
    if settings.dagster_postgres_url is None:
        wanted[DAGSTER_DATABASE] = None
    if settings.database_url is None:
        wanted[PLATFORM_DATABASE] = fill_demo_platform
    return wanted


def fill_demo_platform(url: str) -> None:
    """Fill an empty database with the demo learning platform, its changes noted as events from the first."""
    from sheets_pipeline.database.engine import connect
    from sheets_pipeline.database.triggers import install
    from sheets_pipeline.platform.demo import generate
    from sheets_pipeline.platform.watches import WATCHED

    logger.info("Creating the demo learning platform")
    engine = connect(url)
    try:
        generate(engine)
        install(engine, WATCHED)
    finally:
        engine.dispose()


def renew_demo_queue(url: str) -> None:
    """Give a demo platform that an earlier version made this version's event queue and triggers.

    One whose queue was removed on purpose (`db remove`) is left without. What cannot be mended now stops nobody.
    """
    from sheets_pipeline.database.engine import connect
    from sheets_pipeline.database.queue_check import look
    from sheets_pipeline.database.triggers import install
    from sheets_pipeline.platform.watches import WATCHED

    engine = connect(url)
    try:
        with engine.connect() as connection:
            queue = look(connection, WATCHED)
        before = install(engine, WATCHED) if queue.queue or queue.triggers else None
    except DatabaseError as error:
        logger.warning("The event queue of the demo learning platform could not be brought up to date: %s", error)
    else:
        if before is not None and before.can_be_mended:
            logger.info("The event queue of the demo learning platform was brought up to date")
    finally:
        engine.dispose()


def _queue_version() -> str:
    """Changes with the code that makes the queue and its triggers; told from its text, as importing it takes longer."""
    folder = Path(database.__file__).parent
    watches = folder.parent / "platform" / "watches.py"
    texts = [path.read_bytes() for path in [*sorted(folder.rglob("*.py")), watches]]
    return hashlib.sha256(b"".join(texts)).hexdigest()


def _secret(value: Any) -> str | None:
    return None if value is None else str(value.get_secret_value())
