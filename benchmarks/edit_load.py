"""People who type into the demo's editable columns, alone or fifty at once, and an application that writes meanwhile."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from benchmarks.edit_ground import DEMO, EditGround
from benchmarks.edit_judge import Typed, spread
from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.platform.tables import quiz_responses, quizzes

STATUSES = ("pending", "approved", "sent", "rejected")
#: Rows of each tab that one person edits; nobody else does.
_ROWS_OF_ONE = 3


class Person:
    """Types into cells of rows of their own, never the same value twice in a row."""

    def __init__(self, ground: EditGround, number: int, rows: dict[str, list[str]]) -> None:
        self.ground, self.name = ground, f"editor{number}@example.org"
        self._rng, self._last = random.Random(number), dict[tuple[str, str, str], str]()
        self._cells = [(tab, key, column) for tab, keys in rows.items() for key in keys for column in DEMO[tab][2]]
        self.typed: list[Typed] = []

    def edit(self, tab: str | None = None, column: str | None = None) -> Typed:
        """One edit, of these or of any."""
        cells = [one for one in self._cells if tab in (None, one[0]) and column in (None, one[2])]
        cell = self._rng.choice(cells)
        text, value = self._other(cell)
        shown = self.ground.page.shown(*cell)
        began, _ = self.ground.page.type(*cell, text, user=self.name)
        self.typed.append(Typed(*cell, value, began, self.name, None if shown is None else _plain(shown, cell[2])))
        return self.typed[-1]

    def _other(self, cell: tuple[str, str, str]) -> tuple[str, str]:
        """What is typed, and what the database holds then."""
        column, last = cell[2], self._last.get(cell) or _plain(self.ground.page.shown(*cell), cell[2])
        while True:
            match column:
                case "status":
                    value = self._rng.choice(STATUSES)
                case "pdf_generate" | "passed":
                    value = "false" if last == "true" else "true"
                case "score":
                    value = f"{self._rng.randrange(10_000) / 100:.2f}"
                case "email":
                    value = f"p{self._rng.randrange(10**9)}@example.org"
                case _:
                    value = f"Person {self._rng.randrange(10**9)}"
            if value != last:
                self._last[cell] = value
                return value.upper() if value in ("true", "false") else value, value


def _plain(shown: Any, column: str) -> str:
    if isinstance(shown, bool):
        return str(shown).lower()
    return f"{shown:.2f}" if column == "score" and shown is not None else str(shown)


def people(ground: EditGround, count: int) -> list[Person]:
    """So many, each with rows of their own."""
    keys = {tab: list(ground.page.places[tab].rows) for tab in DEMO}
    with ground.values.engine.connect() as connection:  # of courses, so that their statistics change
        of_course = sa.select(quiz_responses.c.id).join(quizzes).where(quizzes.c.course_id.is_not(None))
        known = {str(key) for key in connection.scalars(of_course)}
    keys["quiz_responses"] = [key for key in keys["quiz_responses"] if key in known]
    step = _ROWS_OF_ONE
    return [
        Person(ground, number, {tab: some[number * step : (number + 1) * step] for tab, some in keys.items()})
        for number in range(count)
    ]


def edit_together(some: Sequence[Person], seconds: float, pause: float) -> list[Typed]:
    """Each makes an edit every so often, not in step."""

    def one(number: int) -> list[Typed]:
        person, first = some[number], len(some[number].typed)
        due = time.monotonic() + pause * number / len(some)
        end = due + seconds
        while due < end:
            time.sleep(max(0.0, due - time.monotonic()))
            person.edit()
            due += pause
        return person.typed[first:]

    with ThreadPoolExecutor(len(some)) as threads:
        return [typed for each in threads.map(one, range(len(some))) for typed in each]


@dataclass
class Application:
    """Writes as the platform's own code does, a transaction at a time, and measures each."""

    url: str
    per_second: float = 5.0
    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def take(self) -> dict[str, Any]:
        """Transactions since the last time."""
        taken, self.seconds = self.seconds, []
        return {"transactions": len(taken), **spread(taken)}

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        engine, rng = connect(self.url), random.Random(3)
        insert = sa.text(
            "insert into quiz_responses (user_id, quiz_id, score, passed, submitted_at, answer) "
            "select user_id, quiz_id, :score, :score >= 50, now(), 'measured' from quiz_responses where id = :id"
        )
        login = sa.text("update users set last_login_at = now() where id = :id")
        due = time.monotonic()
        while not self._stop.is_set():
            due = max(due + 1 / self.per_second, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.perf_counter()
            try:
                with engine.begin() as connection:
                    connection.execute(insert, {"score": rng.randrange(10_000) / 100, "id": rng.randrange(1, 50_000)})
                    connection.execute(login, {"id": rng.randrange(1, 2_000)})
            except (sa.exc.SQLAlchemyError, SheetsPipelineError):
                self.refused += 1
            else:
                self.seconds.append(time.perf_counter() - began)
        engine.dispose()


class Derived:
    """When averages in other tabs show what an edit of a score made of them."""

    def __init__(self, ground: EditGround) -> None:
        self.ground = ground
        self.seconds: list[float] = []
        self.missing = 0
        self._threads: list[threading.Thread] = []

    def follow(self, edit: Typed) -> None:
        """Wait for both tabs, in a thread."""
        self._threads.append(threading.Thread(target=self._wait, args=(edit,), daemon=True))
        self._threads[-1].start()

    def close(self) -> dict[str, Any]:
        """Wait for the last; what they took."""
        for thread in self._threads:
            thread.join()
        return {"edits": len(self._threads), "missing": self.missing, **spread(self.seconds)}

    def _wait(self, edit: Typed) -> None:
        if self.ground.values.wait_for(*edit.cell, edit.value, 30) is None:
            self.missing += 1
            return
        wanted, page = self._wanted(edit.key), self.ground.page
        end = time.time() + 30
        while time.time() < end:
            if all(abs((page.shown(*cell, "average_score") or 0) - value) < 1e-9 for cell, value in wanted.items()):
                self.seconds.append(time.time() - edit.began)
                return
            time.sleep(0.02)
        self.missing += 1

    def _wanted(self, response: str) -> dict[tuple[str, str], float]:
        query = sa.text(
            "select r.user_id, q.course_id, (select round(avg(score), 2) from quiz_responses where user_id = r.user_id), "
            "(select round(avg(a.score), 2) from quiz_responses a join quizzes b on b.id = a.quiz_id "
            "where b.course_id = q.course_id) from quiz_responses r join quizzes q on q.id = r.quiz_id where r.id = :id"
        )
        with self.ground.values.engine.connect() as connection:
            user, course, of_user, of_course = connection.execute(query, {"id": int(response)}).one()
        return {("UserProfiles", str(user)): float(of_user), ("course_statistics", str(course)): float(of_course)}
