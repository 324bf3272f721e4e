"""Errors raised on purpose: what was found, what was expected, what to do.

SheetsPipelineError
├── SettingsError            a setting has a value that cannot work
├── NotRunning               what is embedded does not run, and the command at hand starts nothing
├── DatabaseError            a database cannot be reached or refuses us
│   └── EmbeddedPostgresError    the embedded PostgreSQL cannot be installed, started or reached
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
│   ├── OwnedByAnother       another installation of the pipeline keeps this spreadsheet
│   └── RequestRejected      the API calls our request invalid
├── TabProblem               a tab is not as declared; a person must mend it
│   ├── HeaderMismatch       a declared column is not in the header
│   ├── HeaderDoubled        a declared column is in the header twice
│   ├── KeysNotUnique        two rows of the database have the same key
│   ├── LimitExceeded        the spreadsheet would grow beyond what Google allows
│   ├── DeclarationBroken    the module that declares it cannot be imported, or declares what cannot be
│   └── TabFailed            something unexpected failed while it was computed or written
├── GuardRefused             a change so large that a person must allow it
├── TabBusy                  another process is writing to this tab
├── DagsterUnreachable       the webserver does not answer, or its code location is not loaded
├── DagsterRefused           the webserver answered, but would not do it
├── UnknownTab               no tab has this title
├── TabIsOff                 a tab that shall be synced is switched off
└── PauseTooLong             a pause beyond SYNC_PAUSE_LIMIT_SECONDS

``needs_person`` says whether a retry can help: where it is true, none is made.
"""


class SheetsPipelineError(Exception):
    """Base of all errors raised on purpose; the message is one paragraph for the user."""

    needs_person = True


class SettingsError(SheetsPipelineError):
    """Names the variable, the value received (never a secret's) and what is valid."""


class NotRunning(SheetsPipelineError):
    """A command that asks found nothing embedded running: perhaps the wrong folder. It has started and made nothing."""


class DatabaseError(SheetsPipelineError):
    """A database cannot be reached or refuses us."""


class EmbeddedPostgresError(DatabaseError):
    """The embedded PostgreSQL cannot be installed, started or reached."""


class SheetsError(SheetsPipelineError):
    """The Sheets API refused or failed. ``status`` is the HTTP status, None when no answer came."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class QuotaExceeded(SheetsError):
    """The API answered 429 for longer than we may wait."""

    needs_person = False


class SheetsUnavailable(SheetsError):
    """Transient failures (408, 5xx, timeouts, resets) lasted longer than the retry time."""

    needs_person = False


class OutcomeUnknown(SheetsError):
    """A write was sent and its answer was lost: it may have been applied or not."""

    needs_person = False


class ConnectionIntercepted(SheetsError):
    """TLS is inspected, a proxy or network wants a sign-in, or SHEETS_API_ENDPOINT names something else."""


class AccessDenied(SheetsError):
    """Google lets us not in, or no credentials were found."""


class NotShared(AccessDenied):
    """The spreadsheet is not shared with our credentials, or not as Editor."""


class CredentialsRefused(AccessDenied):
    """Google accepts the credentials no longer."""


class ClockWrong(AccessDenied):
    """Tokens or certificates are refused because of their times."""


class ScopesMissing(AccessDenied):
    """The credentials were granted without the scope of spreadsheets."""


class ApiDisabled(AccessDenied):
    """The Google Sheets API is not enabled in the project of the credentials."""


class QuotaProjectRefused(AccessDenied):
    """The project that is charged for our requests is none, not ours, or without billing."""


class DriveFull(AccessDenied):
    """The Google Drive of the spreadsheet's owner is full."""


class PolicyForbids(AccessDenied):
    """A policy of an organization forbids it."""


class SpreadsheetNotFound(SheetsError):
    """No spreadsheet with this id, or it was deleted."""


class NotASpreadsheet(SpreadsheetNotFound):
    """The file is an Excel file that Drive only shows as a spreadsheet."""


class OwnedByAnother(SheetsError):
    """Another installation of the pipeline keeps this spreadsheet; nothing was sent."""

    def __init__(self, spreadsheet_id: str, owner: str, me: str) -> None:
        self.owner = owner
        super().__init__(
            f"The spreadsheet {spreadsheet_id!r} is kept by another installation of the pipeline: {owner}. This one "
            f"({me}) sends nothing, or each of them would overwrite the other's rows. Give this one a spreadsheet of "
            "its own (SPREADSHEET_ID). If the other one is gone or shall stop, or its database is this one, moved to "
            "another server, take the spreadsheet over: `sheets-pipeline sync --take-over`, or a run of full_sync with "
            "the tag sheets_pipeline/take_over=true."
        )


class RequestRejected(SheetsError):
    """The API calls our request invalid (400)."""


class TabProblem(SheetsPipelineError):
    """A tab is not as declared. ``tab`` is its title."""

    def __init__(self, tab: str, message: str) -> None:
        self.tab = tab
        super().__init__(f"Tab {tab!r}: {message}")


class HeaderMismatch(TabProblem):
    """A declared column is not in the header row."""

    def __init__(self, tab: str, *, missing: list[str], found: list[str], remedy: str = "") -> None:
        self.missing, self.found = missing, found
        remedy = remedy or (
            "Rename the headers back, or put the missing ones over free columns: the next full sync fills them."
        )
        super().__init__(tab, f"expected columns {missing} in the header (row 1), found {found}. {remedy}")


class HeaderDoubled(TabProblem):
    """A header of ours stands in row 1 more than once, so it is unclear which column is ours."""


class KeysNotUnique(TabProblem):
    """Two rows of the source have the same key, so neither can be found again in the tab."""


class LimitExceeded(TabProblem):
    """The spreadsheet would grow beyond what Google allows; nothing was sent."""


class DeclarationBroken(TabProblem):
    """The module that declares a tab cannot be imported, or declares what cannot be; names file, line and error."""


class TabFailed(TabProblem):
    """Something unexpected failed while a tab was computed or written; names the class and the place of it."""

    needs_person = False


class GuardRefused(TabProblem):
    """A change so large that a person must allow it; nothing was sent.

    ``deletes`` are the rows that would have gone: row number and key.
    """

    deletes: tuple[tuple[int, str], ...] = ()


class TabBusy(SheetsPipelineError):
    """Another process is writing to this tab."""

    needs_person = False


class DagsterUnreachable(SheetsPipelineError):
    """The webserver does not answer, or its code location is not loaded."""

    needs_person = False


class DagsterRefused(SheetsPipelineError):
    """The webserver answered, but would not do it."""


class UnknownTab(SheetsPipelineError):
    """No tab has this title."""


class TabIsOff(SheetsPipelineError):
    """A tab that shall be synced is switched off."""


class PauseTooLong(SheetsPipelineError):
    """A pause beyond SYNC_PAUSE_LIMIT_SECONDS."""
