"""The value history of the database's editable columns: each change of a value, by whom, and when others could see it.

A trigger of the benchmark's own notes the changes; a connection of its own looks for new ones all the time.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from sheets_pipeline.database.engine import APPLICATION_NAME, connect
from sheets_pipeline.errors import SheetsPipelineError

_LOOK_SECONDS = 0.03
#: Numbers are given before the commit: what was begun within so many seconds is looked at again.
_BACK_SECONDS = 5.0

_INSTALL = """
create table if not exists benchmark_change (
    seq bigserial primary key, tab text, key text, col text, old text, new text, app text
);
create or replace function benchmark_note() returns trigger language plpgsql security definer as $$
declare one text;
begin
    foreach one in array string_to_array(tg_argv[1], ',') loop
        if to_jsonb(old) ->> one is distinct from to_jsonb(new) ->> one then
            insert into benchmark_change (tab, key, col, old, new, app) values (tg_argv[0],
                to_jsonb(new) ->> tg_argv[2], one, to_jsonb(old) ->> one, to_jsonb(new) ->> one,
                current_setting('application_name'));
        end if;
    end loop;
    return null;
end $$;
"""


#: Tab → table, key and columns.
Tables = Mapping[str, tuple[str, str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Change:
    """A value that was changed: ``seq`` in the order of the statements, ``seen_at`` by another connection."""

    seq: int
    tab: str
    key: str
    column: str
    old: str | None
    new: str | None
    app: str
    seen_at: float

    @property
    def is_ours(self) -> bool:
        """Whether the pipeline made it."""
        return self.app.startswith(APPLICATION_NAME)


class Values:
    """Collects the changes of some tables."""

    def __init__(self, url: str, tables: Tables, prepare: str = "") -> None:
        self.engine = connect(url)
        self.changes: list[Change] = []
        self._known: set[int] = set()
        self._looks: deque[tuple[float, int]] = deque()
        self._new, self._stop = threading.Condition(), threading.Event()
        with self.engine.begin() as connection:
            connection.exec_driver_sql(prepare + _INSTALL)
            for tab, (table, key, columns) in tables.items():
                connection.exec_driver_sql(
                    f"create or replace trigger benchmark_note after update on {table} for each row "
                    f"execute function benchmark_note('{tab}', '{','.join(columns)}', '{key}')"
                )
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def wait_for(self, tab: str, key: str, column: str, new: str | None, seconds: float) -> Change | None:
        """The first change of the cell to this value that was seen since; None where none comes in time."""
        end, at = time.monotonic() + seconds, 0
        with self._new:
            while True:
                for change in self.changes[at:]:
                    if (change.tab, change.key, change.column, change.new) == (tab, key, column, new):
                        return change
                at = len(self.changes)
                if (left := end - time.monotonic()) <= 0:
                    return None
                self._new.wait(left)

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()
        self.engine.dispose()

    def look(self) -> None:
        """See what was committed since the last look."""
        query = sa.text(
            "select seq, tab, key, col as column, old, new, app from benchmark_change where seq > :after order by seq"
        )
        after = 0
        while self._looks and self._looks[0][0] < time.monotonic() - _BACK_SECONDS:
            after = self._looks.popleft()[1]
        if after:
            self._looks.appendleft((0.0, after))
        # Each by itself, without the transaction around it: a look should cost what is measured as little as can be.
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            rows = connection.execute(query, {"after": after}).all()
        now = time.time()
        fresh = [Change(**row._mapping, seen_at=now) for row in rows if row.seq not in self._known]
        if fresh:
            with self._new:
                self._known |= {one.seq for one in fresh}
                self.changes += fresh
                self._looks.append((time.monotonic(), max(self._known)))
                self._new.notify_all()

    def _follow(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self.look()
            except (sa.exc.SQLAlchemyError, SheetsPipelineError):  # the database is being killed
                time.sleep(0.2)
