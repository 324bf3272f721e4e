"""Properties, cache, locks, triggers and the user interface on the server's side."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from local_sheets.api_error import ApiError, invalid
from local_sheets.apps_script.project import Project, ProjectStore, new_trigger
from local_sheets.server.script_limits import DailyUse, ScriptLimits

#: See https://developers.google.com/apps-script/reference/cache/cache
_LONGEST_CACHE_SECONDS, _MOST_CACHED_BYTES = 21_600, 100_000

_BUTTONS = {
    "OK": ("OK",),
    "OK_CANCEL": ("OK", "CANCEL"),
    "YES_NO": ("YES", "NO"),
    "YES_NO_CANCEL": ("YES", "NO", "CANCEL"),
}


@dataclass(slots=True)
class Dialog:
    """A question of a running script that waits for a person."""

    number: int
    spreadsheet_id: str
    kind: str
    title: str
    text: str
    buttons: tuple[str, ...]
    answer: "asyncio.Future[dict[str, str]]"

    def as_json(self) -> dict[str, Any]:
        """What the page shows."""
        return {
            "number": self.number,
            "kind": self.kind,
            "title": self.title,
            "text": self.text,
            "buttons": list(self.buttons),
        }


@dataclass(slots=True)
class SharedState:
    """What all executions share beside the projects' files. ``tell`` reaches the pages of a spreadsheet."""

    store: ProjectStore
    limits: ScriptLimits
    tell: Callable[[str, dict[str, Any]], None]
    locks: dict[tuple[str, str], asyncio.Lock] = field(default_factory=dict)
    #: By script, scope and key: value and the time it ends.
    cached: dict[tuple[str, str], dict[str, tuple[str, float]]] = field(default_factory=dict)
    menus: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    dialogs: dict[int, Dialog] = field(default_factory=dict)
    fetches: dict[str, DailyUse] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    def answer(self, spreadsheet_id: str, number: int, given: dict[str, Any]) -> None:
        """Answer a dialog.

        Raises:
            ApiError: It waits for none, or not for this button.
        """
        dialog = self.dialogs.get(number)
        if dialog is None or dialog.spreadsheet_id != spreadsheet_id or dialog.answer.done():
            raise ApiError(404, f"No dialog {number} waits for an answer.")
        dialog.answer.set_result(_answer_to(dialog.buttons, given))


def _answer_to(buttons: tuple[str, ...], given: Any) -> dict[str, str]:
    if isinstance(given, str):
        given = {"text": given}
    button = given.get("button", buttons[0])
    if button not in (*buttons, "CLOSE"):
        raise invalid(f"button is {button!r}, expected one of {', '.join(buttons)}, CLOSE.")
    return {"button": button, "text": str(given.get("text", ""))}


class StateServices:
    """Serves one execution.

    Args:
        shared: What all share.
        project: The script.
        user: Who runs it.
        answers: Given beforehand to its dialogs; None where people at the page are asked.
        pause: Stops the execution's clock while a person is asked; called with True and then with False.
    """

    def __init__(
        self,
        shared: SharedState,
        project: Project,
        user: str,
        answers: Sequence[Any] | None,
        pause: Callable[[bool], None],
    ) -> None:
        self._shared, self._project, self._user, self._pause = shared, project, user, pause
        self._answers = None if answers is None else list(answers)
        self._held: list[asyncio.Lock] = []

    def _scope(self, scope: str) -> str:
        """The store of a scope; each person has one of their own for ``user``."""
        return f"user {self._user}" if scope == "user" else scope

    # -- properties

    async def get_properties(self, scope: str) -> dict[str, str]:
        return self._project.properties.get(self._scope(scope), {})

    async def set_properties(self, scope: str, values: dict[str, str], alone: bool) -> None:
        self._project.set_property_values(self._scope(scope), values, alone=alone)
        self._shared.store.save(self._project)

    async def delete_properties(self, scope: str, keys: list[str]) -> None:
        held = self._project.properties.get(self._scope(scope), {})
        for key in keys:
            held.pop(key, None)
        self._shared.store.save(self._project)

    # -- cache

    def _cache(self, scope: str) -> dict[str, tuple[str, float]]:
        return self._shared.cached.setdefault((self._project.script_id, self._scope(scope)), {})

    async def get_cached(self, scope: str, keys: list[str]) -> dict[str, str]:
        held, now = self._cache(scope), time.monotonic()
        return {key: held[key][0] for key in keys if key in held and held[key][1] > now}

    async def put_cached(self, scope: str, values: dict[str, str], seconds: float) -> None:
        if any(len(value.encode()) > _MOST_CACHED_BYTES for value in values.values()):
            raise invalid("Argument too large: value")
        end = time.monotonic() + min(max(seconds, 1), _LONGEST_CACHE_SECONDS)
        self._cache(scope).update({key: (value, end) for key, value in values.items()})

    async def remove_cached(self, scope: str, keys: list[str]) -> None:
        for key in keys:
            self._cache(scope).pop(key, None)

    # -- locks

    async def take_lock(self, scope: str, milliseconds: float) -> bool:
        lock = self._shared.locks.setdefault((self._project.script_id, self._scope(scope)), asyncio.Lock())
        if lock in self._held:
            return True
        try:
            async with asyncio.timeout(milliseconds / 1000 if lock.locked() else None):
                await lock.acquire()
        except TimeoutError:
            return False
        self._held.append(lock)
        return True

    async def release_lock(self, scope: str) -> None:
        lock = self._shared.locks.get((self._project.script_id, self._scope(scope)))
        if lock in self._held:
            self._held.remove(lock)
            lock.release()

    def release_all(self) -> None:
        """At the end of the execution."""
        while self._held:
            self._held.pop().release()

    # -- triggers

    async def list_triggers(self) -> list[dict[str, Any]]:
        return [
            {"uid": one.uid, "function": one.function, "eventType": one.eventType} for one in self._project.triggers
        ]

    async def create_trigger(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if len(self._project.triggers) >= self._shared.limits.triggers:
            raise invalid(
                "This script has too many triggers. Triggers must be deleted from the script before more can be added."
            )
        trigger = new_trigger(
            wanted.get("function"), wanted.get("eventType"), wanted.get("everySeconds"), wanted.get("afterSeconds")
        )
        self._project.triggers.append(trigger)
        self._shared.store.save(self._project)
        self._shared.tell(self._project.spreadsheet_id, {"kind": "state"})
        return {"uid": trigger.uid, "function": trigger.function, "eventType": trigger.eventType}

    async def delete_trigger(self, uid: str) -> None:
        self._project.triggers = [one for one in self._project.triggers if one.uid != uid]
        self._shared.store.save(self._project)
        self._shared.tell(self._project.spreadsheet_id, {"kind": "state"})

    # -- people

    async def menu(self, caption: str, items: list[Any]) -> None:
        menus = self._shared.menus.setdefault(self._project.spreadsheet_id, [])
        menus[:] = [one for one in menus if one["caption"] != caption] + [{"caption": caption, "items": items}]
        self._shared.tell(self._project.spreadsheet_id, {"kind": "state"})

    async def toast(self, spreadsheet_id: str, text: str, title: str, seconds: float) -> None:
        self._shared.tell(spreadsheet_id, {"kind": "toast", "text": text, "title": title, "seconds": seconds})

    async def dialog(self, kind: str, title: str, text: str, buttons: str) -> dict[str, str]:
        """Ask; the answer comes from those given beforehand, or from the page."""
        known = _BUTTONS.get(buttons)
        if known is None:
            raise invalid(f"{buttons} is no ButtonSet.")
        if self._answers is not None:
            if not self._answers:
                raise invalid(f"The script asks {text!r} and no answer is left: give one more in 'answers'.")
            return _answer_to(known, self._answers.pop(0))
        number = next(self._shared.numbers)
        future: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        dialog = Dialog(number, self._project.spreadsheet_id, kind, title, text, known, future)
        self._shared.dialogs[number] = dialog
        self._pause(True)
        try:
            self._shared.tell(self._project.spreadsheet_id, {"kind": "dialogs"})
            return await future
        finally:
            self._pause(False)
            del self._shared.dialogs[number]
            self._shared.tell(self._project.spreadsheet_id, {"kind": "dialogs"})

    # -- quotas

    async def begin_fetch(self, requests: int) -> None:
        used = self._shared.fetches.setdefault(self._user, DailyUse())
        most = self._shared.limits.fetches_per_day
        if most is not None and used.sum + requests > most:
            raise ApiError(429, "Service invoked too many times for one day: urlfetch.")
        used.add(requests)
