"""Puts the rooms together: settings and services in, a writer for any tab out. No Dagster, so the CLI can use it too."""

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import declared_credentials
from sheets_pipeline.database.answers import ANSWER_WITHIN_SECONDS
from sheets_pipeline.database.archive import ArchiveStore
from sheets_pipeline.database.edit_choices import edit_choices
from sheets_pipeline.database.engine import connect, read_only
from sheets_pipeline.database.free_space import why_disk_is_full
from sheets_pipeline.database.installation import Installation
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.quota import BULK, DatabaseQuota, Kind, ProjectQuota
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.edits.notes import NoteStore
from sheets_pipeline.edits.reading import Reading
from sheets_pipeline.edits.rows import TabRows
from sheets_pipeline.embedded.services import Services, ensure_services
from sheets_pipeline.settings import Settings, load_settings
from sheets_pipeline.sheets.archived import ArchivedWriter
from sheets_pipeline.sheets.client import GOOGLE_ENDPOINT, SheetsClient
from sheets_pipeline.sheets.credentials import Identity, load_identity
from sheets_pipeline.sheets.memory import CopiesTab, Sent, TabFacts
from sheets_pipeline.sheets.protocol import Writer
from sheets_pipeline.sheets.shared_requests import Participant
from sheets_pipeline.sheets.showing import TabShowing
from sheets_pipeline.sheets.writer import TabWriter
from sheets_pipeline.sync.spreadsheet import DEFAULT, Credential, Spreadsheet
from sheets_pipeline.sync.tab import Tab

#: What was seen of the databases' room is good for so long.
_ROOM_SECONDS = 10.0

#: Each tab at work holds one for its lock and needs another now and then; made when they are needed, and a few are kept.
_POOL = {"pool_size": 8, "max_overflow": 42}

_GOOGLE_PAGES = "https://docs.google.com"

#: A statement that takes too long is ended by the server; only where it does not, by us, so much later.
_SERVER_ENDS_IT_SECONDS = 30.0


class Pipeline:
    """Everything a sync of a spreadsheet needs, opened once per process: of the default one, until ``at`` is called."""

    @classmethod
    def open(cls) -> Self:
        """The pipeline that the environment describes; starts what is embedded.

        Raises:
            SheetsPipelineError: A setting is wrong, or a database cannot be reached.
        """
        settings = load_settings()
        return cls(settings, ensure_services(settings))

    def __init__(self, settings: Settings, services: Services) -> None:
        self.settings, self.services = settings, services
        longest = settings.database_statement_timeout_seconds
        within = max(ANSWER_WITHIN_SECONDS, longest + _SERVER_ENDS_IT_SECONDS) if longest else None
        self.platform: sa.Engine = connect(services.database_url, answer_within_seconds=within, **_POOL)
        #: The same connections for computing rows: they cannot change anything, and no query runs without end.
        self.source: sa.Engine = read_only(self.platform, settings.database_statement_timeout_seconds)
        same = services.pipeline_database_url == services.database_url
        self.state: sa.Engine = self.platform if same else connect(services.pipeline_database_url, **_POOL)
        install_state(self.state)
        #: Who we are to others that keep spreadsheets.
        self.installation = Installation(self.state)
        #: The spreadsheet that is synced.
        self.spreadsheet = Spreadsheet(DEFAULT, services.spreadsheet_id, services.spreadsheet_url)
        self._identities: dict[Credential, tuple[int | None, Identity]] = {}
        self._loading = threading.Lock()
        self._room: tuple[float, str | None] = (-_ROOM_SECONDS, None)

    def at(self, spreadsheet: Spreadsheet) -> Self:
        """The same pipeline for another spreadsheet, with the credential that reaches that."""
        if spreadsheet == self.spreadsheet:
            return self
        other = copy.copy(self)
        other.spreadsheet = spreadsheet
        return other

    def address_of(self, spreadsheet_id: str) -> str:
        """Where people open a spreadsheet."""
        return f"{self.services.sheets_api_endpoint or _GOOGLE_PAGES}/spreadsheets/d/{spreadsheet_id}/edit"

    @property
    def identity(self) -> Identity:
        """The credentials of the spreadsheet, loaded when first needed, and anew where their file has changed."""
        credential = self.spreadsheet.credential
        key, key_file = credential.key, credential.key_file
        declared: str | None = credential.name
        if key is None and key_file is None:
            secret = self.settings.google_credentials_json
            key = secret.get_secret_value() if secret else None
            key_file = self.services.credentials_file or self.settings.google_application_credentials
            declared = None
        changed_at = None if key is not None or key_file is None else _changed_at(key_file)
        with self._loading:
            known = self._identities.get(credential)
            if known is None or changed_at not in (None, known[0]):
                known = self._identities[credential] = changed_at, load_identity(key, key_file, declared)
            return known[1]

    def quota(self, priority: int = BULK) -> DatabaseQuota:
        """The budget of our credential; ``priority`` decides who goes first when it is short."""
        credential, project = self.spreadsheet.credential, self.identity.project
        limits: dict[Kind, int] = {
            "read": self.settings.sheets_project_reads_per_minute,
            "write": self.settings.sheets_project_writes_per_minute,
        }
        return DatabaseQuota(
            self.state,
            self.identity.name,
            reads_per_minute=credential.reads_per_minute or self.settings.sheets_reads_per_minute,
            writes_per_minute=credential.writes_per_minute or self.settings.sheets_writes_per_minute,
            priority=priority,
            project=ProjectQuota(project, limits) if project and declared_credentials() else None,
        )

    def client(
        self, priority: int = BULK, participant: Participant | None = None, budget: DatabaseQuota | None = None
    ) -> SheetsClient:
        """A client of the spreadsheet; ``priority`` is that of its requests, with a ``participant`` it shares them.

        ``budget`` is given where several clients hold slots of one together.
        """
        return SheetsClient(
            self.identity,
            self.spreadsheet.id,
            budget=budget or self.quota(priority),
            endpoint=self.services.sheets_api_endpoint or GOOGLE_ENDPOINT,
            participant=participant,
        )

    def writer(self, tab: Tab, client: SheetsClient | None = None) -> Writer:
        """A writer for one tab; for one with archives, of all tabs of its family."""
        spreadsheet_id, url = self.spreadsheet.id, self.spreadsheet.url
        lock_name = f"Tab {tab.title!r} of {spreadsheet_id}"
        client = client or self.client()

        def memory_of(title: str) -> StoredMemory:
            return StoredMemory(self.state, spreadsheet_id, title)

        mine = memory_of(tab.title)

        @contextmanager
        def lock() -> Iterator[Callable[[], None]]:
            locked = named_lock(self.state, lock_name)
            with client.quota_reserved(), locked as still_ours, client.taking_part(), mine.held():
                yield still_ours

        are_taken = self.settings.edits_on and bool(tab.edited)
        notes = NoteStore(memory_of(tab.title)) if are_taken else None
        rows = self.rows(tab, client) if are_taken else None
        showing = TabShowing(tab, client, notes, lambda: edit_choices(self.source, tab))

        def inbox_of(tab: Tab) -> Reading | None:
            return Reading(self.state, client, spreadsheet_id, tab) if are_taken else None

        if tab.archive is None:
            single = TabWriter(tab, client, mine, lock, self.installation, url)
            single.keep_edits(inbox_of(tab))
            single.rows, single.showing = rows, showing
            return single
        store = ArchiveStore(self.state, spreadsheet_id, tab.title)
        max_rows = tab.archive.max_rows.read()
        source = tab.archive.source(self.platform)
        family = ArchivedWriter(
            tab, tab.archive.moment, max_rows, client, source, store, memory_of, lock, self.installation, url
        )
        family.inbox_of, family.rows, family.showing = inbox_of, rows, showing
        return family

    def rows(self, tab: Tab, client: SheetsClient) -> TabRows:
        """What people do to rows of a tab, found by reading it."""
        memory = StoredMemory(self.state, self.spreadsheet.id, tab.title)
        return TabRows(self, Reading(self.state, client, self.spreadsheet.id, tab), memory.id, memory)

    def full_disk(self, *, now: bool = False) -> str | None:
        """Which of our databases has no room left, and what to do; as seen ``_ROOM_SECONDS`` ago, unless ``now``.

        Raises:
            DatabaseError: One of them cannot be reached.
        """
        looked_at, answer = self._room
        if now or time.monotonic() - looked_at > _ROOM_SECONDS:
            dagster = connect(self.services.dagster_postgres_url)
            try:
                answer = why_disk_is_full(self.state) or why_disk_is_full(dagster)
            finally:
                dagster.dispose()
            self._room = time.monotonic(), answer
        return answer


class StoredMemory(TabStore):
    """``TabMemory`` on top of the pipeline's tables: what is known of a tab, from JSON and back."""

    #: The facts, once they were read, while the tab's lock is held.
    _known: tuple[TabFacts | None] | None = None
    _is_held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """The tab's lock is held in this block, so that nobody else notes facts: they are read once."""
        self._known, self._is_held = None, True
        try:
            yield
        finally:
            self._known, self._is_held = None, False

    def facts(self) -> TabFacts | None:
        """Where the tab was last found."""
        if self._known is None:
            facts = self._stored()
            if not self._is_held:
                return facts
            self._known = (facts,)
        return self._known[0]

    def _stored(self) -> TabFacts | None:
        stored: dict[str, Any] | None = self.read_facts()
        if stored is None:
            return None
        copies = stored.get("copies")
        # A newer version may have noted more than is known here.
        known = {name: stored[name] for name in TabFacts.__slots__ if name in stored}
        return TabFacts(**known | {"copies": CopiesTab(**copies) if copies else None})

    def in_flight(self) -> dict[str, Sent]:
        """Rows that were sent and neither confirmed nor settled."""
        return {key: Sent(*sent) for key, sent in self.sent().items()}

    def save_facts(self, facts: TabFacts | None) -> None:
        """Note where the tab is. A new sheet id, or None, is another tab: rows in the base count as deleted."""
        known = self.facts()
        is_another = facts is None or (known is not None and known.sheet_id != facts.sheet_id)
        self._known = None
        self.write_facts(asdict(facts) if facts else None, forget_base=is_another)
        self._known = (facts,) if self._is_held else None


def _changed_at(file: Path) -> int | None:
    """When a file was last changed, in nanoseconds; None where there is none now."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


def hosts_of(credential: Credential, settings: Settings) -> str | None:
    """The label of the hosts that have its key; None where every host has."""
    return credential.hosts if settings.celery_broker_url else None


def is_here(credential: Credential, settings: Settings) -> bool:
    """Whether this host has its key."""
    label = hosts_of(credential, settings)
    return label is None or label in settings.labels
