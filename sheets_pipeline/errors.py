"""Errors raised on purpose: what was found, what was expected, what to do.

SheetsPipelineError
├── SettingsError            a setting has a value that cannot work
├── NotRunning               what is embedded does not run, and the command at hand starts nothing
├── EmbeddedMissing          no setting names a service, and what would stand in for it is not installed
├── DatabaseError            a database cannot be reached or refuses us
│   ├── EmbeddedPostgresError    the embedded PostgreSQL cannot be installed, started or reached
│   └── SourceStoreError         Elasticsearch cannot be reached or refuses us
├── SheetsError              the Sheets API refused or failed
│   ├── QuotaExceeded        somebody else used up the quota of our credential; worth a try after a minute
│   ├── SheetsUnavailable    transient failures lasted longer than the retry time
│   ├── OutcomeUnknown       a write was sent and its answer was lost; read before writing again
│   ├── ConnectionIntercepted  something between this machine and Google answers in its place
│   ├── AccessDenied         Google lets us not in; mostly one of these:
│   │   ├── NotShared            the spreadsheet is not shared with our credentials
│   │   ├── CredentialsRefused   a key that is deleted, disabled or none
│   │   ├── ClockWrong           this machine's clock is wrong
│   │   ├── ScopesMissing        credentials that were granted without the scope of spreadsheets
│   │   ├── ApiDisabled          the Google Sheets API is not enabled
│   │   ├── QuotaProjectRefused  the project that is charged for our requests cannot be used
│   │   ├── DriveFull            the owner's Google Drive takes nothing more
│   │   └── PolicyForbids        a policy of the organization forbids it
│   ├── SpreadsheetNotFound  no spreadsheet with this id
│   │   └── NotASpreadsheet      the file is an Excel file, not a spreadsheet of Google's
│   ├── SpreadsheetPaused    its circuit is open: it is not asked until the pause is over
│   ├── OwnedByAnother       another installation of the pipeline keeps this spreadsheet
│   └── RequestRejected      the API calls our request invalid
├── SourceProblem            a source cannot be read, stored or shown
├── TabProblem               a tab is not as declared; a person must mend it
│   ├── HeaderMismatch       a declared column is not in the header
│   ├── HeaderDoubled        a declared column is in the header twice
│   ├── KeysNotUnique        two rows of the database have the same key
│   ├── LimitExceeded        the spreadsheet would grow beyond what Google allows
│   ├── DeclarationBroken    the module that declares it cannot be imported, or declares what cannot be
│   ├── TabFailed            something unexpected failed while it was computed or written
│   └── GuardRefused         a change so large that a person must allow it
├── ProcessDied              the process of a run was killed, or its host is gone
├── TabBusy                  another process is writing to this tab
│   └── RowsLeft             rows moved to another spreadsheet while they were about to be written
├── DagsterUnreachable       the webserver does not answer, or its code location is not loaded
├── DagsterRefused           the webserver answered, but would not do it
├── UnknownTab               no tab has this title
├── UnknownSource            no source has this id
├── TabIsOff                 a tab that shall be synced is switched off
└── PauseTooLong             a pause beyond SYNC_PAUSE_LIMIT_SECONDS

What else depends on the class of an error stands in its attributes, which are those of ``SheetsPipelineError`` unless a class
says otherwise. Runs' tags and records of syncs keep the name of the class; ``error_class`` reads it back.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import ClassVar

#: Tags of a run that failed: the class of the error, and whether only a person can mend it ("true" or "false").
ERROR_TAG = "sheets_pipeline/error"
NEEDS_PERSON_TAG = "sheets_pipeline/needs_person"


class Concerns(StrEnum):
    """How far an error reaches, from the smallest."""

    CELL = "cell"
    ROW = "row"
    TAB = "tab"
    SPREADSHEET = "spreadsheet"
    CREDENTIAL = "credential"
    MACHINE = "machine"

    @property
    def is_within_tab(self) -> bool:
        """Whether other tabs are all right: the spreadsheet could be reached."""
        return self in (Concerns.CELL, Concerns.ROW, Concerns.TAB)


class SheetsPipelineError(Exception):
    """Base of all errors raised on purpose; the message is one paragraph for the user.

    ``remedy`` is what to do where only the class is known, as from a run's tag; {credential} and {url} are to be filled
    in. ``is_transient`` says whether a retry can help, which an instance may know better than its class. ``breaks_check``
    is the asset check that fails with it, ``http_status`` what the control API answers.
    """

    concerns: ClassVar[Concerns] = Concerns.MACHINE
    remedy: ClassVar[str] = (
        "Look at the failed run in the Dagster UI; `sheets-pipeline doctor` checks what runs depend on."
    )
    breaks_check: ClassVar[str | None] = None
    http_status: ClassVar[int] = 503
    is_transient: bool = False

    @property
    def needs_person(self) -> bool:
        """Whether only a person can mend it: no retry is made."""
        return not self.is_transient


class SettingsError(SheetsPipelineError):
    """Names the variable, the value received (never a secret's) and what is valid."""

    remedy = "Correct the setting that the run's message names."


class NotRunning(SheetsPipelineError):
    """A command that asks found nothing embedded running: perhaps the wrong folder. It has started and made nothing."""


class EmbeddedMissing(SheetsPipelineError):
    """No setting names a service, and the package that would stand in for it is not installed.

    Args:
        service: What is missing, as people call it.
        package: The distribution that brings it.
        settings: Those that name a service of one's own instead.
    """

    remedy = "Install what is embedded (pip install 'sheets-pipeline[embedded]'), or set services of your own."

    def __init__(self, service: str, package: str, settings: str) -> None:
        super().__init__(
            f"{settings} not set, and {service}, which would stand in, is not installed: found no package {package}. "
            f"Set {settings}, or run `pip install 'sheets-pipeline[embedded]'` (in a checkout: `make`)."
        )


class DatabaseError(SheetsPipelineError):
    """A database cannot be reached or refuses us."""

    remedy = "Check that the database of DATABASE_URL runs and lets us in; `sheets-pipeline doctor` tells more."


class EmbeddedPostgresError(DatabaseError):
    """The embedded PostgreSQL cannot be installed, started or reached."""


class SourceStoreError(DatabaseError):
    """Elasticsearch, or OpenSearch, cannot be reached or refuses us."""

    remedy = "Check ELASTICSEARCH_URL, and that the server runs and lets us in."


class SheetsError(SheetsPipelineError):
    """The Sheets API refused or failed. ``status`` is the HTTP status, None when no answer came."""

    concerns = Concerns.SPREADSHEET

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class QuotaExceeded(SheetsError):
    """The API answered 429 for longer than we may wait."""

    concerns = Concerns.CREDENTIAL
    remedy = "Give {credential} to nobody else, or lower SHEETS_READS_PER_MINUTE and SHEETS_WRITES_PER_MINUTE."
    is_transient = True


class SheetsUnavailable(SheetsError):
    """Transient failures (408, 5xx, timeouts, resets) lasted longer than the retry time."""

    concerns = Concerns.MACHINE
    remedy = "Check the network of this machine and SHEETS_API_ENDPOINT; often it is enough to wait."
    is_transient = True


class OutcomeUnknown(SheetsError):
    """A write was sent and its answer was lost: it may have been applied or not."""

    is_transient = True


class ConnectionIntercepted(SheetsError):
    """TLS is inspected, a proxy or network wants a sign-in, or SHEETS_API_ENDPOINT names something else."""

    concerns = Concerns.MACHINE
    remedy = "Something between this machine and Google answers in its place; the run's message says what."


class AccessDenied(SheetsError):
    """Google lets us not in, or no credentials were found."""

    concerns = Concerns.CREDENTIAL
    remedy = "`sheets-pipeline doctor` says which credentials are missing or refused, and why."


class NotShared(AccessDenied):
    """The spreadsheet is not shared with our credentials, or not as Editor."""

    concerns = Concerns.SPREADSHEET
    remedy = "Open {url}, press Share and add {credential} as Editor."


class CredentialsRefused(AccessDenied):
    """Google accepts the credentials no longer."""

    remedy = "Check that {credential} and its key still exist and are enabled, else create a new key."


class ClockWrong(AccessDenied):
    """Tokens or certificates are refused because of their times."""

    concerns = Concerns.MACHINE
    remedy = "Let NTP keep this machine's clock (timedatectl set-ntp true)."


class ScopesMissing(AccessDenied):
    """The credentials were granted without the scope of spreadsheets."""

    remedy = "Give {credential} the scope of spreadsheets; the run's message says how."


class ApiDisabled(AccessDenied):
    """The Google Sheets API is not enabled in the project of the credentials."""

    remedy = "Enable the Google Sheets API in the Google Cloud project of {credential}."


class QuotaProjectRefused(AccessDenied):
    """The project that is charged for our requests is none, not ours, or without billing."""

    remedy = "Choose a Google Cloud project that {credential} may use; the run's message says how."


class DriveFull(AccessDenied):
    """The Google Drive of the spreadsheet's owner is full."""

    concerns = Concerns.SPREADSHEET
    remedy = "Make room in the Google Drive of the owner of {url}."


class PolicyForbids(AccessDenied):
    """A policy of an organization forbids it."""

    remedy = "Ask the organization's administrators to allow {credential} at {url}."


class SpreadsheetNotFound(SheetsError):
    """No spreadsheet with this id, or it was deleted."""

    remedy = (
        "Ask the owner of {url} to restore it from the bin, or name another one in SPREADSHEET_ID or its declaration."
    )


class NotASpreadsheet(SpreadsheetNotFound):
    """The file is an Excel file that Drive only shows as a spreadsheet."""

    remedy = (
        "Open {url}, choose File > Save as Google Sheets, and name the new file in SPREADSHEET_ID or its declaration."
    )


class SpreadsheetPaused(SheetsError):
    """The circuit of a spreadsheet is open; nothing was sent."""

    remedy = (
        "Mend what the syncs of {url} failed of before; `sheets-pipeline status` tells it. A trial follows by itself."
    )

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"Tab {target!r} was left alone. {reason}")


class OwnedByAnother(SheetsError):
    """Another installation of the pipeline keeps this spreadsheet; nothing was sent."""

    remedy = (
        "The run's message says who keeps {url}. Set SPREADSHEET_ID to another one for this installation, or take it over: "
        "`sheets-pipeline sync --take-over`."
    )

    def __init__(self, spreadsheet_id: str, owner: str, me: str) -> None:
        self.owner = owner
        super().__init__(
            f"The spreadsheet {spreadsheet_id!r} is kept by another installation of the pipeline: {owner}. This one "
            f"({me}) sends nothing, or each of them would overwrite the other's rows. Give this one a spreadsheet of "
            "its own (SPREADSHEET_ID). If the other one is gone or is to stop, or if its database was moved "
            "here, take the spreadsheet over: `sheets-pipeline sync --take-over`, or a run of full_sync with "
            "the tag sheets_pipeline/take_over=true."
        )


class RequestRejected(SheetsError):
    """The API calls our request invalid (400)."""

    concerns = Concerns.TAB


class SourceProblem(SheetsPipelineError):
    """A source cannot be read, stored or shown. ``source`` is its id."""

    concerns = Concerns.TAB
    http_status = 409

    def __init__(self, source: str, message: str) -> None:
        self.source = source
        super().__init__(f"Source {source!r}: {message}")


class TabProblem(SheetsPipelineError):
    """A tab is not as declared. ``tab`` is its title."""

    concerns = Concerns.TAB

    def __init__(self, tab: str, message: str) -> None:
        self.tab = tab
        super().__init__(f"Tab {tab!r}: {message}")


class HeaderMismatch(TabProblem):
    """A declared column is not in the header row."""

    remedy = "Rename the headers back, or put the missing ones over free columns: the next full sync fills them."
    breaks_check = "header_intact"

    def __init__(self, tab: str, *, missing: list[str], found: list[str], remedy: str = "") -> None:
        self.missing, self.found = missing, found
        super().__init__(
            tab, f"expected columns {missing} in the header (row 1), found {found}. {remedy or self.remedy}"
        )


class HeaderDoubled(TabProblem):
    """A header of ours stands in row 1 more than once, so it is unclear which column is ours."""

    breaks_check = "header_intact"


class KeysNotUnique(TabProblem):
    """Two rows of the source have the same key, so neither can be found again in the tab."""

    concerns = Concerns.ROW
    breaks_check = "keys_stand_once"


class LimitExceeded(TabProblem):
    """The spreadsheet would grow beyond what Google allows; nothing was sent."""

    breaks_check = "within_limits"


class DeclarationBroken(TabProblem):
    """The module that declares a tab cannot be imported, or declares what cannot be; names file, line and error."""

    breaks_check = "declaration_is_valid"


class TabFailed(TabProblem):
    """Something unexpected failed while a tab was computed or written; names the class and the place of it."""

    is_transient = True


class GuardRefused(TabProblem):
    """A change so large that a person must allow it; nothing was sent.

    ``deletes`` are the rows that would have gone: row number and key.
    """

    deletes: tuple[tuple[int, str], ...] = ()


class ProcessDied(SheetsPipelineError):
    """The process of a run was killed, or its host is gone; raised nowhere, as that process cannot."""

    #: Of the run.
    tags: ClassVar[dict[str, str]] = {ERROR_TAG: "ProcessDied", NEEDS_PERSON_TAG: "false"}
    remedy = "The next run does what it left. If it happens again, look at the log and the memory of its machine."
    is_transient = True


class TabBusy(SheetsPipelineError):
    """Another process is writing to this tab."""

    concerns = Concerns.TAB
    http_status = 409
    is_transient = True


class RowsLeft(TabBusy):
    """Rows moved to another spreadsheet while they were about to be written; what belongs where has to be looked at anew."""


class DagsterUnreachable(SheetsPipelineError):
    """The webserver does not answer, or its code location is not loaded."""

    is_transient = True


class DagsterRefused(SheetsPipelineError):
    """The webserver answered, but would not do it."""

    http_status = 502


class UnknownTab(SheetsPipelineError):
    """No tab has this title."""

    concerns = Concerns.TAB
    http_status = 404


class UnknownSource(SheetsPipelineError):
    """No source has this id."""

    concerns = Concerns.TAB
    http_status = 404


class TabIsOff(SheetsPipelineError):
    """A tab that shall be synced is switched off."""

    concerns = Concerns.TAB
    http_status = 409


class PauseTooLong(SheetsPipelineError):
    """A pause beyond SYNC_PAUSE_LIMIT_SECONDS."""

    http_status = 422


#: Names that classes had in earlier versions; records and tags of then are still read.
_FORMER_NAMES = {"TabError": "TabProblem"}


def error_class(name: str | None) -> type[SheetsPipelineError] | None:
    """The class that a record of a sync or a tag of a run names; None for errors that are none of ours."""
    name = _FORMER_NAMES.get(name or "", name)
    return next((kind for kind in error_classes() if kind.__name__ == name), None)


def is_within_tab(name: str | None) -> bool:
    """Whether the error of this class shows that the spreadsheet could be reached."""
    kind = error_class(name)
    return kind is not None and kind.concerns.is_within_tab


def error_classes(root: type[SheetsPipelineError] = SheetsPipelineError) -> Iterator[type[SheetsPipelineError]]:
    """A class and all that are derived from it, in the order of the tree above."""
    yield root
    for below in root.__subclasses__():
        yield from error_classes(below)
