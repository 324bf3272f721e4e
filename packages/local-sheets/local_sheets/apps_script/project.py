"""A script that is bound to a spreadsheet: its files, triggers and properties, and where they are kept."""

import json
import os
import re
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_sheets.api_error import ApiError, invalid

MANIFEST = "appsscript"
EVENT_TYPES = ("ON_OPEN", "ON_EDIT", "ON_CHANGE", "CLOCK")
#: See https://developers.google.com/apps-script/guides/services/quotas: properties
MOST_VALUE_BYTES, MOST_STORE_BYTES = 9 * 1024, 500 * 1024

_FUNCTION = re.compile(r"^(?:async\s+)?function\s*\*?\s*([A-Za-z_$][\w$]*)\s*\(", re.MULTILINE)
_ASSIGNED = re.compile(
    r"^var\s+([A-Za-z_$][\w$]*)\s*=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*=>|[\w$]+\s*=>)", re.MULTILINE
)
_DEFAULT_MANIFEST = '{\n  "timeZone": "Etc/GMT",\n  "exceptionLogging": "STACKDRIVER",\n  "runtimeVersion": "V8"\n}\n'
_DEFAULT_CODE = "function myFunction() {\n\n}\n"


@dataclass(slots=True)
class Trigger:
    """An installable trigger. ``everySeconds`` and ``afterSeconds`` are those of the clock."""

    uid: str
    function: str
    eventType: str  # noqa: N815 -- as Google's API names it
    everySeconds: float | None = None  # noqa: N815
    afterSeconds: float | None = None  # noqa: N815


@dataclass(slots=True)
class File:
    """A file as the Apps Script API has it: ``SERVER_JS`` or, for the manifest, ``JSON``."""

    name: str
    type: str
    source: str


@dataclass(slots=True)
class Project:
    """The script of one spreadsheet."""

    spreadsheet_id: str
    script_id: str
    files: list[File] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    #: By scope (``script``, ``document``, ``user``).
    properties: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def manifest(self) -> dict[str, Any]:
        source = next(file.source for file in self.files if file.name == MANIFEST)
        found: dict[str, Any] = json.loads(source)
        return found

    @property
    def code(self) -> list[tuple[str, str]]:
        """Names and sources of the files with code."""
        return [(file.name, file.source) for file in self.files if file.type == "SERVER_JS"]

    def functions(self) -> list[str]:
        """Functions that can be chosen to run; names that end with an underscore are private."""
        names = [name for _, source in self.code for name in _functions_of(source)]
        return [name for name in dict.fromkeys(names) if not name.endswith("_")]

    def content(self) -> dict[str, Any]:
        """As the Apps Script API answers ``projects.getContent``."""
        shown = [{"name": f.name, "type": f.type, "source": f.source} for f in self.files]
        for one in shown:
            if one["type"] == "SERVER_JS":
                one["functionSet"] = {"values": [{"name": name} for name in _functions_of(one["source"])]}  # type: ignore[assignment]
        return {"scriptId": self.script_id, "files": shown}

    def set_property_values(self, scope: str, values: dict[str, str], *, alone: bool) -> None:
        """Set some properties; ``alone`` takes away all others.

        Raises:
            ApiError: One is too large, or all together are.
        """
        fresh = values if alone else {**self.properties.get(scope, {}), **values}
        if any(len(value.encode()) > MOST_VALUE_BYTES for value in values.values()):
            raise invalid("Argument too large: value")
        if sum(len(key.encode()) + len(value.encode()) for key, value in fresh.items()) > MOST_STORE_BYTES:
            raise invalid("You have exceeded the property storage quota. Please remove some properties and try again.")
        self.properties[scope] = fresh


def _functions_of(source: str) -> list[str]:
    return _FUNCTION.findall(source) + _ASSIGNED.findall(source)


def files_of(given: Any) -> list[File]:
    """The files of a ``Content``, checked; a missing manifest is filled in.

    Raises:
        ApiError: They are not as the Apps Script API takes them.
    """
    if not isinstance(given, list) or not given:
        raise invalid("files: expected a list such as [{name: Code, type: SERVER_JS, source: ...}].")
    files = [_file_of(one) for one in given]
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise invalid(f"files: two have the same name among {', '.join(names)}.")
    if MANIFEST not in names:
        files.append(File(MANIFEST, "JSON", _DEFAULT_MANIFEST))
    _check_manifest(next(file.source for file in files if file.name == MANIFEST))
    return files


def _file_of(given: Any) -> File:
    name, kind, source = (given.get(key) if isinstance(given, dict) else None for key in ("name", "type", "source"))
    if not isinstance(name, str) or not name or not isinstance(source, str) or "\0" in source:
        raise invalid("files: each needs a name and its source as text.")
    if kind not in ("SERVER_JS", "JSON"):
        raise invalid(f"files: the type of {name} is {kind!r}; Local Sheets knows SERVER_JS and JSON.")
    if (kind == "JSON") != (name == MANIFEST):
        raise invalid(f"files: {name} has the type {kind}; JSON is for {MANIFEST} alone.")
    return File(name, kind, source)


def _check_manifest(source: str) -> None:
    try:
        manifest = json.loads(source)
    except ValueError as error:
        raise invalid(f"{MANIFEST}.json is no JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise invalid(f"{MANIFEST}.json: expected an object.")
    try:
        ZoneInfo(str(manifest.get("timeZone", "Etc/GMT")))
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(
            f"{MANIFEST}.json: timeZone is {manifest['timeZone']!r}, expected one such as Europe/Berlin."
        ) from None
    scopes = manifest.get("oauthScopes")
    if scopes is not None and not (isinstance(scopes, list) and all(isinstance(one, str) for one in scopes)):
        raise invalid(f"{MANIFEST}.json: oauthScopes is no list of texts.")


class ProjectStore:
    """The projects under ``data_dir/apps_script``, one file each; a change is on disk when ``save`` returns."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "apps_script"
        self._projects: dict[str, Project] = {}
        for path in self._folder.glob("*.json"):
            self._projects[path.stem] = _project_of(json.loads(path.read_text(encoding="utf-8")))

    def get(self, spreadsheet_id: str) -> Project | None:
        return self._projects.get(spreadsheet_id)

    def get_or_make(self, spreadsheet_id: str) -> Project:
        """The spreadsheet's script; a new one is kept once it is saved."""
        found = self._projects.get(spreadsheet_id)
        if found is not None:
            return found
        files = [File(MANIFEST, "JSON", _DEFAULT_MANIFEST), File("Code", "SERVER_JS", _DEFAULT_CODE)]
        return Project(spreadsheet_id, secrets.token_urlsafe(43), files)

    def by_script_id(self, script_id: str) -> Project:
        """The script with this id.

        Raises:
            ApiError: There is none.
        """
        for project in self._projects.values():
            if project.script_id == script_id:
                return project
        raise ApiError(404, "Requested entity was not found.")

    def all(self) -> list[Project]:
        return list(self._projects.values())

    def save(self, project: Project) -> None:
        """Write the project; another process that reads meanwhile finds the old or the new one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{project.spreadsheet_id}.json"
        fresh = path.with_suffix(f".{uuid.uuid4().hex}.new")
        fresh.write_text(json.dumps(asdict(project)), encoding="utf-8")
        os.replace(fresh, path)  # noqa: PTH105 -- the same, in one call
        self._projects[project.spreadsheet_id] = project

    def forget(self, spreadsheet_id: str) -> None:
        """Remove the script of a spreadsheet that is gone."""
        self._projects.pop(spreadsheet_id, None)
        (self._folder / f"{spreadsheet_id}.json").unlink(missing_ok=True)


def _project_of(kept: dict[str, Any]) -> Project:
    files = [File(**one) for one in kept["files"]]
    triggers = [Trigger(**one) for one in kept["triggers"]]
    return Project(kept["spreadsheet_id"], kept["script_id"], files, triggers, kept["properties"])


def new_trigger(function: Any, event_type: Any, every: Any = None, after: Any = None) -> Trigger:
    """A trigger with an id of its own, as long as Google's.

    Raises:
        ApiError: There is no such type of event, or no function is named.
    """
    if not isinstance(function, str) or not function:
        raise invalid("A trigger needs the name of a function.")
    if event_type not in EVENT_TYPES:
        raise invalid(f"eventType is {event_type!r}, expected one of {', '.join(EVENT_TYPES)}.")
    if (event_type == "CLOCK") != (every is not None or after is not None):
        raise invalid("A trigger of the clock needs everySeconds or afterSeconds, and no other has them.")
    for seconds in (every, after):
        if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < 1e9):
            raise invalid("everySeconds and afterSeconds are numbers above 0.")
    return Trigger(str(secrets.randbelow(9 * 10**18) + 10**18), function, event_type, every, after)
