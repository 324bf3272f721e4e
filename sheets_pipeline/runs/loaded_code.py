"""Which declarations the code location has loaded, noted in Dagster's storage, and how those on disk differ from them.

A process loads what declares tabs once. So after a file was added, changed or deleted, the code location goes
on with what it has until it is reloaded, while ``status`` and runs are new processes. The code location notes what it has
with its ticks; whoever tells people how things are compares that with the disk.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from sheets_pipeline.components import declarations
from sheets_pipeline.components.tab_asset import TabAsset, loaded_files, reload_tabs, tab_assets
from sheets_pipeline.dagster_runtime.instigators import failures_of_last_ticks
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.switches import EVENT_SENSOR, FULL_SYNC_SCHEDULE

#: It is noted again this often, as several code servers may share one storage.
_NOTED_SECONDS = 60.0

#: What starts syncs: a tick of these that fails is told.
_STARTERS = (FULL_SYNC_SCHEDULE, "overdue_full_sync", EVENT_SENSOR)

_noted: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class LoadedCode:
    """Digest of each file as it was loaded, and the titles that each declares."""

    files: Mapping[str, str]
    titles: Mapping[str, list[str]]


def _key(pipeline: Pipeline) -> str:
    return f"sheets_pipeline/loaded_code/{pipeline.spreadsheet.id}"


def note_loaded_code(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    """Say what this process, a code server, has loaded."""
    key, now = _key(pipeline), time.monotonic()
    if now - _noted.get(key, -_NOTED_SECONDS) >= _NOTED_SECONDS:
        record = {"files": loaded_files(), "titles": _titles()}
        instance.daemon_cursor_storage.set_cursor_values({key: json.dumps(record)})
        _noted[key] = now


def _titles() -> dict[str, list[str]]:
    titles: dict[str, list[str]] = {}
    for tab in tab_assets().values():
        titles.setdefault(tab.file_name, []).append(tab.tab.name)
    return titles


def loaded_code(instance: dg.DagsterInstance, pipeline: Pipeline) -> LoadedCode | None:
    """What the code location has loaded; None where none has said so yet."""
    text = instance.daemon_cursor_storage.get_cursor_values({_key(pipeline)}).get(_key(pipeline))
    return LoadedCode(**json.loads(text)) if text else None


def follow(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    """Load the tabs anew in a process that outlives reloads, once the code location has loaded what is on disk now."""
    loaded = loaded_code(instance, pipeline)
    if loaded is not None and loaded.files != loaded_files() and loaded.files == declarations.files():
        reload_tabs()


def differs_from_disk() -> bool:
    """Whether declarations have changed since this process has loaded them."""
    return declarations.files() != loaded_files()


def difference(loaded: LoadedCode, on_disk: Mapping[str, str], titles: Mapping[str, list[str]]) -> str | None:
    """How the files on disk differ from those that are loaded, and what to do; None where they do not.

    Args:
        loaded: By the code location.
        on_disk: Name of each file → digest.
        titles: What files on disk declare, as far as it is known.
    """
    known = {**titles, **loaded.titles}

    def named(files: Iterable[str]) -> str:
        return ", ".join(f"{name} ({', '.join(known[name])})" if known.get(name) else name for name in sorted(files))

    both = loaded.files.keys() & on_disk.keys()
    parts = {
        "new": on_disk.keys() - loaded.files.keys(),
        "changed": {name for name in both if loaded.files[name] != on_disk[name]},
        "deleted": loaded.files.keys() - on_disk.keys(),
    }
    listed = [f"{change}: {named(files)}" for change, files in parts.items() if files]
    if not listed:
        return None
    changes = "; ".join(listed)
    return f"The declarations on disk differ from those that Dagster has loaded ({changes}). Reload the code location."


def stale_code(instance: dg.DagsterInstance, pipeline: Pipeline) -> str | None:
    """``difference`` of now."""
    loaded = loaded_code(instance, pipeline)
    return None if loaded is None else difference(loaded, declarations.files(), _titles())


def still_on_disk(tabs: Iterable[TabAsset]) -> list[TabAsset]:
    """Those whose file was not deleted since it was loaded: a run, which is a new process, knows no others."""
    on_disk = declarations.files()
    loaded = loaded_files()
    return [tab for tab in tabs if tab.file_name in on_disk or tab.file_name not in loaded]


def failed_ticks(instance: dg.DagsterInstance) -> list[str]:
    """What starts syncs, and failed to when it was last asked; the class of each error, which may quote anything."""
    return sorted(tick_failure(name, kinds) for name, kinds in failures_of_last_ticks(instance, _STARTERS))


def tick_failure(name: str, kinds: Sequence[str]) -> str:
    """What a failed tick means; ``kinds`` are the classes of its error and of what it was raised from."""
    if any(kind == "DagsterUserCodeUnreachableError" or kind.endswith("RpcError") for kind in kinds):
        return (
            f"The code location did not answer the last tick of {name}. `sheets-pipeline dev` starts its process again by "
            "itself; elsewhere check that your code server runs."
        )
    kind = kinds[-1] if kinds else "an unexpected error"
    return (
        f"The last tick of {name} failed with {kind}, so it starts no syncs. Reload the code location; "
        "Automation in the Dagster UI shows the error."
    )
