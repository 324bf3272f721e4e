"""What ``sheets-pipeline dev`` tells other processes: that it runs, and where its pages are."""

from pathlib import Path
from typing import Any

from sheets_pipeline.embedded.files import read_state, write_state
from sheets_pipeline.embedded.services import running_services
from sheets_pipeline.processes import servers
from sheets_pipeline.processes.identity import start_of
from sheets_pipeline.settings import Settings


def state_file(settings: Settings) -> Path:
    """``dev.json``: process id and the addresses of its pages."""
    return settings.local_data_dir.absolute() / "dev.json"


def life_lock(settings: Settings) -> Path:
    """Held by ``sheets-pipeline dev`` while it lives."""
    return settings.local_data_dir.absolute() / "dev.life"


def announce(settings: Settings, **facts: Any) -> None:
    """Add facts to the state file (``dagster_url``, ``control_url`` ...)."""
    path = state_file(settings)
    write_state(path, {**(read_state(path) or {}), **facts})


def running_dev(settings: Settings) -> dict[str, Any] | None:
    """What the running ``sheets-pipeline dev`` of this data folder announced; None where none runs.

    Empty where one starts or ends: what is in the file then is another one's, which was killed.
    """
    if not servers.is_held(life_lock(settings)):
        return None
    state = read_state(state_file(settings)) or {}
    return state if isinstance(state.get("pid"), int) and start_of(state["pid"]) == state.get("start") else {}


def local_urls(settings: Settings) -> dict[str, str | None]:
    """Where everything is, None where it is not running; URLs of databases hold passwords."""
    urls = {name: None if value is None else str(value) for name, value in running_services(settings).items()}
    dev = running_dev(settings) or {}
    return {**urls, "dagster_url": dev.get("dagster_url"), "control_url": dev.get("control_url")}
