"""What the doctor checks, from the settings to the spreadsheet. Nothing here changes anything that people see."""

import shutil
import sys
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import is_refreshed_by_events, watched
from sheets_pipeline.dagster_runtime.instance import runs_at_once
from sheets_pipeline.database import event_parts, installed, leases
from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.engine import NO_ROOM, connect, described
from sheets_pipeline.database.events import is_read_only
from sheets_pipeline.database.free_space import why_disk_is_full
from sheets_pipeline.database.load import measure
from sheets_pipeline.database.pooler import pooling
from sheets_pipeline.database.quota import sync_quota_slot
from sheets_pipeline.database.triggers import check as check_triggers
from sheets_pipeline.database.upgrade import check as check_store
from sheets_pipeline.embedded.services import Services, ensure_services, running_services
from sheets_pipeline.errors import QuotaExceeded, SheetsPipelineError, error_class
from sheets_pipeline.monitoring import doctor_edits, doctor_project, doctor_sources, doctor_spreadsheets
from sheets_pipeline.monitoring.doctor import Check, Finding, counted, fail, ok, warn
from sheets_pipeline.monitoring.doctor_dagster import code_location, dagster_daemons, hosts, workers
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.settings import load_settings

#: Free space of LOCAL_DATA_DIR, in bytes.
_LITTLE_SPACE, _NO_SPACE = 2 * 1024**3, 200 * 1024**2
#: Clocks that differ by more, in seconds. Google refuses tokens that are 5 minutes off.
_CLOCK_WARN, _CLOCK_FAIL = 10.0, 240.0
#: Google's quota per user and per project, unless raised. Source: https://developers.google.com/workspace/sheets/api/limits
_USER_QUOTA, _PROJECT_QUOTA = 60, 300
#: Cells that a spreadsheet can hold, and when to say so. Source: https://support.google.com/drive/answer/37603
_MOST_CELLS, _MANY_CELLS = 10_000_000, 8_000_000


def settings(facts: Facts) -> Finding:
    """Every setting is valid."""
    facts.settings = load_settings()
    chosen = sorted(facts.settings.model_fields_set)
    return ok(f"valid; set: {', '.join(name.upper() for name in chosen) or 'none, all is embedded'}")


_PACKAGES = ("dagster", "dagster-webserver", "gspread", "google-auth", "sqlalchemy", "pandas", "pydantic-settings")


def versions(_facts: Facts) -> Finding:
    """Python and the packages are those that this version is made for."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    ours = metadata.distribution("sheets-pipeline")
    python = ".".join(map(str, sys.version_info[:3]))
    wrong = []
    wanted_python = ours.metadata["Requires-Python"]
    if wanted_python and python not in SpecifierSet(wanted_python):
        wrong.append(f"Python {python}, expected {wanted_python}")
    for requirement in map(Requirement, ours.requires or []):
        if requirement.name in _PACKAGES and requirement.marker is None:
            installed = metadata.version(requirement.name)
            if not requirement.specifier.contains(installed, prereleases=True):
                wrong.append(f"{requirement.name} {installed}, expected {requirement.specifier}")
    if wrong:
        return warn("; ".join(wrong), "Install the expected versions: `pip install -c constraints.txt .`")
    shown = ", ".join(f"{name} {metadata.version(name)}" for name in ("dagster", "gspread", "sqlalchemy", "pandas"))
    return ok(f"sheets-pipeline {ours.version}, Python {python}, {shown}")


def disk_space(facts: Facts) -> Finding:
    """There is room where embedded services and logs keep their data."""
    folder = facts.settings.local_data_dir.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1024**3:.1f} GB free at {existing}"
    remedy = "Make room, or set LOCAL_DATA_DIR to a folder on another disk."
    return fail(text, remedy) if free < _NO_SPACE else warn(text, remedy) if free < _LITTLE_SPACE else ok(text)


def services(facts: Facts) -> Finding:
    """What settings leave out runs; it is started where it does not."""
    chosen = facts.settings
    own = {"platform": chosen.database_url, "Dagster's storage": chosen.dagster_postgres_url}
    embedded = [name for name, value in own.items() if value is None]
    embedded += ["spreadsheet"] if chosen.spreadsheet_id is None else []
    try:
        facts.services = ensure_services(chosen)
    except SheetsPipelineError as error:
        known = running_services(chosen)
        if all(known[name] is not None for name in ("database_url", "spreadsheet_id", "dagster_postgres_url")):
            facts.services = Services(**known)
            return warn(str(error), "What was running is used for the other checks.")
        raise
    return ok(f"embedded and running: {', '.join(embedded)}" if embedded else "nothing is embedded")


def platform_database(facts: Facts) -> Finding:
    """The platform's database can be reached, and its clock is ours."""
    facts.platform = connect(facts.services.database_url)
    return _database(facts.platform)


def _database(engine: sa.Engine) -> Finding:
    began = time.monotonic()
    with engine.connect() as connection:
        connected = time.monotonic() - began
        before = time.time()
        skew = database_time(connection) - (before + time.time()) / 2
        server = engine.dialect.server_version_info or ()
    text = f"{described(engine.url)}, {engine.dialect.name} {'.'.join(map(str, server))}, {connected * 1000:.0f} ms"
    if pooler := pooling(engine):
        text += f", through a pooler that gives {pooler}s"
    if why_disk_is_full(engine):
        return fail(f"{text}; {NO_ROOM}", "Make room on that disk. Nothing was lost; syncs go on by themselves then.")
    if abs(skew) > _CLOCK_WARN:
        return warn(f"{text}; its clock is {skew:+.0f} s off ours", "Let NTP keep the clocks of both hosts.")
    return ok(text)


def watched_tables(facts: Facts) -> Finding:
    """The tables that tabs watch are there."""
    wanted = [table.name for table in watched()]
    with facts.platform.connect() as connection:
        place = installed.place_of(connection, watched())
    if missing := sorted(name for name in wanted if name not in place.columns):
        return fail(
            f"missing: {', '.join(missing)}",
            "Check that DATABASE_URL names the right database (and schema, by search_path), and the watches of the tabs.",
        )
    return ok(counted(len(wanted), "table"))


def triggers(facts: Facts) -> Finding:
    """Every change that tabs are refreshed by reaches the event queue."""
    if not is_refreshed_by_events():
        return ok("none needed: no tab is refreshed by events, full syncs show all changes")
    report = check_triggers(facts.platform, watched())
    with facts.platform.connect() as connection:
        if is_read_only(connection):
            remedy = "Name the primary in DATABASE_URL."
            if report.is_complete:
                remedy += " Or run `sheets-pipeline db remove` there: nobody takes its events, so its queue only grows."
            return warn("a read replica: no events are taken, only full syncs show changes", remedy)
    if report.is_complete and report.warnings:
        return warn("; ".join(report.warnings), "Give no role more than docs/run/rights.md names.")
    if report.is_complete:
        return ok("; ".join(["installed, of this version, closed to others", *report.notes]))
    remedy = "Run `sheets-pipeline db install`. " if report.can_be_mended else ""
    return fail(_listed(report.problems), f"{remedy}Until then tabs follow only with the next full sync.")


def event_syncs(facts: Facts) -> Finding:
    """As many event syncs can work beside each other as are wanted."""
    wanted = facts.settings.sync_event_runs
    if wanted == 1 or not is_refreshed_by_events():
        return ok("one for all spreadsheets" if is_refreshed_by_events() else "none needed")
    with facts.platform.connect() as connection:
        reason = event_parts.why_not_divided(connection)
    if reason:
        remedy = "Until then one works for all spreadsheets. Or set SYNC_EVENT_RUNS=1."
        return warn(f"{wanted} wanted by SYNC_EVENT_RUNS, one works: {reason}", remedy)
    if (most := runs_at_once()) <= wanted:
        others = f"dagster.yaml allows {most} runs at once: while changes keep coming, full syncs and all others wait"
        return warn(f"{wanted} beside each other; {others}", f"Set max_concurrent_runs there to {wanted + 4} or more.")
    return ok(f"{wanted} beside each other")


def _listed(problems: list[str]) -> str:
    """The first of them in one line."""
    return "; ".join(problems[:3]) + (f"; and {len(problems) - 3} more" if problems[3:] else "")


def database_load(facts: Facts) -> Finding:
    """The busy rule sees what it needs, and the database is not busy."""
    from sheets_pipeline.runs.governor import busy_reason

    load = measure(facts.platform)
    if load.hidden_sessions:
        return warn(
            f"{load.hidden_sessions} sessions hide their state from our user, so a busy database is not noticed",
            "Run `GRANT pg_read_all_stats TO` our user on the platform's database, or set SYNC_BUSY_SESSIONS=0.",
        )
    if reason := busy_reason(load, facts.settings):
        return warn(f"busy: {reason}", "Full syncs wait, at most SYNC_PAUSE_LIMIT_SECONDS; events do not.")
    if load.active_sessions is None:
        return ok("this kind of database says nothing about its load")
    lag = load.replication_lag_seconds
    return ok(f"{load.active_sessions} active sessions" + (f", replica {lag:.0f} s behind" if lag is not None else ""))


def pipeline_tables(facts: Facts) -> Finding:
    """The pipeline's own tables can be reached."""
    facts.state = connect(facts.services.pipeline_database_url)
    report = check_store(facts.state)
    if report.is_newer:
        return fail(
            f"made by a newer version: {'; '.join(report.problems)}",
            "Install the newer version again, or put back the dump of them from before the upgrade.",
        )
    if report.is_new:
        return warn("not there yet", "The first sync makes them; sooner with `sheets-pipeline db upgrade`.")
    if not report.is_complete:
        shown = _listed(report.problems)
        return warn(f"not up to date: {shown}", "The next sync mends them; sooner with `sheets-pipeline db upgrade`.")
    return _database(facts.state)


def pauses(facts: Facts) -> Finding:
    """Nobody holds syncs up."""
    if not sa.inspect(facts.state).has_table(leases.sync_pause.name):
        return ok("none")
    until = leases.paused_until(facts.state, facts.settings.sync_pause_limit_seconds)
    if until is None:
        return ok("none")
    holders = ", ".join(lease.holder for lease in leases.leases(facts.state))
    return warn(f"paused by {holders} until {until:%H:%M:%S} UTC", "It ends by itself; sooner with POST /sync/resume.")


def dagster_storage(facts: Facts) -> Finding:
    """Dagster's storage can be reached."""
    engine = connect(facts.services.dagster_postgres_url)
    try:
        finding = _database(engine)
        if not sa.inspect(engine).has_table("runs"):
            return warn(f"{finding.message}; no tables yet", "The first start of Dagster creates them.")
        return finding
    finally:
        engine.dispose()


def credentials(facts: Facts) -> Finding:
    """Google gives us a token."""
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    from sheets_pipeline.sheets.client import GOOGLE_ENDPOINT
    from sheets_pipeline.sheets.credentials import ensure_token, load_identity
    from sheets_pipeline.sheets.remedies import Asked, translate

    key = facts.settings.google_credentials_json
    key_file = facts.services.credentials_file or facts.settings.google_application_credentials
    facts.identity = load_identity(key.get_secret_value() if key else None, key_file)
    began = time.monotonic()
    try:
        ensure_token(facts.identity.credentials)
    except (GoogleAuthError, RequestException) as error:
        endpoint = facts.services.sheets_api_endpoint or GOOGLE_ENDPOINT
        asked = Asked("read", facts.identity.name, facts.services.spreadsheet_id, endpoint, time.monotonic() - began)
        return fail(str(translate(error, asked)))
    return ok(f"{facts.identity.name}")


def clock(facts: Facts) -> Finding:
    """This machine's clock is Google's."""
    import requests

    from sheets_pipeline.sheets.client import GOOGLE_ENDPOINT

    endpoint = facts.services.sheets_api_endpoint or GOOGLE_ENDPOINT
    began = time.time()
    try:
        answer = requests.head(endpoint, timeout=(5, 5), allow_redirects=False)
    except requests.RequestException as error:
        return fail(f"{endpoint} cannot be reached ({type(error).__name__})", "Check network, DNS and proxy settings.")
    ours = datetime.fromtimestamp((began + time.time()) / 2, UTC)
    if "Date" not in answer.headers:
        return warn(f"{endpoint} tells no time", "Compare this machine's clock yourself.")
    # The header counts whole seconds; half of one is the best guess.
    skew = (parsedate_to_datetime(answer.headers["Date"]) - ours).total_seconds() + 0.5
    text = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} {endpoint}"
    remedy = "Let NTP keep this machine's clock (timedatectl set-ntp true); Google refuses tokens from a wrong one."
    if abs(skew) > _CLOCK_WARN:
        return fail(text, remedy) if abs(skew) > _CLOCK_FAIL else warn(text, remedy)
    return ok(f"within {_CLOCK_WARN:.0f} s of {endpoint}")


def spreadsheet(facts: Facts) -> Finding:
    """The spreadsheet is there, shared with us, and has room."""
    from sheets_pipeline.sheets.access import read_spreadsheet
    from sheets_pipeline.sheets.client import GOOGLE_ENDPOINT, NoQuota, SheetsClient
    from sheets_pipeline.sheets.retry import RetryPolicy
    from sheets_pipeline.sheets.time_zones import time_zone

    facts.client = SheetsClient(
        facts.identity,
        facts.services.spreadsheet_id,
        budget=NoQuota(),  # a request that had to wait for quota could not tell whether anything hangs
        endpoint=facts.services.sheets_api_endpoint or GOOGLE_ENDPOINT,
        policy=RetryPolicy(total_seconds=8, timeout_seconds=(5, 10)),
    )
    facts.spreadsheet = seen = read_spreadsheet(facts.client)
    time_zone(seen.time_zone)
    locale = facts.client.read(params={"fields": "properties(locale)"}).get("properties", {}).get("locale", "unknown")
    if seen.cells > _MANY_CELLS:
        return warn(
            f"{seen.title!r} holds {seen.cells:,} of {_MOST_CELLS:,} cells",
            "Delete empty rows and columns, or move old tabs to another spreadsheet.",
        )
    place = f"time zone {seen.time_zone}, locale {locale}"
    return ok(f"{seen.title!r}, {counted(len(seen.sheets), 'tab')}, {seen.cells:,} cells, {place}")


def owner(facts: Facts) -> Finding:
    """The spreadsheet is kept by this installation, or by none yet."""
    from sheets_pipeline.database.installation import known
    from sheets_pipeline.sync.marks import owner_of

    if (keeper := owner_of(facts.spreadsheet.owners, facts.services.spreadsheet_id)) is None:
        return ok("nobody keeps it yet; the first write marks it as ours")
    me = known(facts.state)
    if me is not None and me.installation == keeper.installation:
        return ok(f"kept by this installation since {keeper.since}")
    return fail(
        f"kept by another installation: {keeper}",
        "Set SPREADSHEET_ID to another spreadsheet for this one, or take it over: `sheets-pipeline sync --take-over`.",
    )


def writable(facts: Facts) -> Finding:
    """We may edit: a request that only editors may send deletes the metadata of a key that nothing has."""
    lookup = b'{"developerMetadataLookup":{"metadataKey":"sheets_pipeline.monitoring.doctor.never_set"}}'
    body = b'{"requests":[{"deleteDeveloperMetadata":{"dataFilter":' + lookup + b"}}]}"
    facts.client.write(":batchUpdate", params={"fields": "spreadsheetId"}, body=body)
    return ok(f"{facts.identity.name} may edit")


def quota(facts: Facts) -> Finding:
    """The budgets are such that Google grants them, and enough for the interval."""
    chosen = facts.settings
    limits = {"SHEETS_READS_PER_MINUTE": chosen.sheets_reads_per_minute}
    limits["SHEETS_WRITES_PER_MINUTE"] = chosen.sheets_writes_per_minute
    text = f"{limits['SHEETS_READS_PER_MINUTE']} reads and {limits['SHEETS_WRITES_PER_MINUTE']} writes per minute"
    high = [name for name, limit in limits.items() if limit > _USER_QUOTA]
    if facts.services.sheets_api_endpoint is None and high:
        return warn(
            f"{text}; Google grants {_USER_QUOTA} per user and {_PROJECT_QUOTA} per project unless you had it raised",
            f"Compare with Google Cloud > APIs > Sheets API > Quotas, or lower {' and '.join(high)}.",
        )
    if low := [name for name, limit in limits.items() if limit < _LEAST_PER_MINUTE]:
        return warn(f"{text}; a sync of all tabs waits for room", f"Raise {' and '.join(low)}.")
    return _others(facts, text)


#: A full sync needs one of each for every tab, and a few more.
_LEAST_PER_MINUTE = 10


def _others(facts: Facts, text: str) -> Finding:
    """Whether somebody outside this pipeline uses up the credential's quota."""
    from sheets_pipeline.database.history import recent

    tables = set(sa.inspect(facts.state).get_table_names())
    if not {"sync_history", sync_quota_slot.name} <= tables:
        return ok(text)
    day_ago = datetime.fromtimestamp(time.time() - 86_400, UTC)
    failed = [
        sync
        for sync in recent(facts.state, outcome="failed", since=day_ago)
        if error_class(sync.error_kind) is QuotaExceeded
    ]
    if failed:
        return warn(
            f"{text}; Google's quota was used up by somebody else {len(failed)} times in 24 hours",
            f"Something else uses {facts.identity.name}: give it a service account of its own, or lower "
            "SHEETS_READS_PER_MINUTE and SHEETS_WRITES_PER_MINUTE.",
        )
    return ok(text)


def circuit_breaker(facts: Facts) -> Finding:
    """The circuit is closed."""

    from sheets_pipeline.dagster_runtime.connections import opened_instance
    from sheets_pipeline.pipeline import Pipeline
    from sheets_pipeline.runs.gate import current_circuit

    opened = Pipeline(facts.settings, facts.services)
    with opened_instance() as instance:
        breaker = current_circuit(instance, opened)
    if breaker.state == "closed":
        return ok("closed")
    return warn(
        f"{breaker.state}: {breaker.reason}", breaker.remedy or "It closes by itself with the next sync that works."
    )


def declarations(_facts: Facts) -> Finding:
    """Every tab is declared as it must be."""
    from sheets_pipeline.components.declarations import REMEDY
    from sheets_pipeline.components.tab_asset import tab_assets

    tabs = tab_assets().values()
    problems = [(tab_asset.tab.name, tab_asset.problem.text) for tab_asset in tabs if tab_asset.problem is not None]
    broken = [f"{title!r}: {text.removesuffix(REMEDY).removeprefix(f'Tab {title!r}: ')}" for title, text in problems]
    if not broken:
        return ok(f"{counted(len(tabs), 'tab')}: {', '.join(tab_asset.tab.name for tab_asset in tabs)}")
    remedy = "Correct these files and reload the code location. The other tabs are synced."
    return fail(f"{len(broken)} of {len(tabs)} tabs cannot be used. {' '.join(broken)}", remedy)


CHECKS = [
    Check("versions", versions),
    Check("settings", settings),
    Check("declarations", declarations, needs=("settings",)),
    Check("disk space", disk_space, needs=("settings",)),
    Check("services", services, needs=("settings",), seconds=90),
    Check("platform database", platform_database, needs=("services",)),
    Check("watched tables", watched_tables, needs=("platform database",)),
    Check("queries", doctor_project.queries, needs=("platform database",)),
    Check("triggers", triggers, needs=("platform database", "watched tables")),
    Check("event syncs", event_syncs, needs=("platform database", "triggers")),
    Check("database load", database_load, needs=("platform database",)),
    Check("pipeline tables", pipeline_tables, needs=("services",)),
    Check("edits", doctor_edits.edits, needs=("platform database", "pipeline tables")),
    Check("sources", doctor_sources.sources, needs=("pipeline tables",)),
    Check("pauses", pauses, needs=("pipeline tables",)),
    Check("dagster storage", dagster_storage, needs=("services",)),
    Check("dagster daemons", dagster_daemons, needs=("dagster storage",), seconds=60),
    Check("hosts", hosts, needs=("pipeline tables",)),
    Check("code location", code_location, needs=("settings",), seconds=60),
    Check("workers", workers, needs=("settings",)),
    Check("clock", clock, needs=("services",)),
    Check("credentials", credentials, needs=("services",)),
    Check("spreadsheet", spreadsheet, needs=("credentials",), seconds=30),
    Check(
        "other spreadsheets",
        doctor_spreadsheets.other_spreadsheets,
        needs=("platform database", "pipeline tables", "declarations"),
        seconds=60,
    ),
    Check("owner", owner, needs=("spreadsheet", "pipeline tables")),
    Check("writable", writable, needs=("spreadsheet",), seconds=30),
    Check("quota", quota, needs=("credentials", "pipeline tables")),
    Check("circuit breaker", circuit_breaker, needs=("pipeline tables", "dagster storage", "credentials"), seconds=60),
]
