"""Our write against a person's, with database and ledger: an edit at every moment of a sync, and both sides agree in the end."""

import time
from typing import Any

import pytest

from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.errors import RequestRejected
from sheets_pipeline.platform.tables import users
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.copies import CellCopies
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline_tests.edits.test_way_of_an_edit import Way, platform, way

__all__ = ["platform", "way"]

MOMENTS = ("before read", "before write", "after write")  # all others: sheets/test_copies.py


class Syncing:
    """Syncs of *UserProfiles* with somebody who types at a chosen moment."""

    def __init__(self, way: Way) -> None:
        self.way = way

    def change(self, key: int, name: str) -> None:
        """What the application does."""
        with self.way.platform.engine.begin() as connection:
            connection.execute(users.update().where(users.c.id == key).values(full_name=name))

    def run(self, kind: str, moment: str = "", *, client: SheetsClient | None = None, **typed: str) -> Any:
        """One sync; cells (``B2="..."``) are typed once, before or after its first read or write."""
        asset, client = self.way.asset("UserProfiles"), client or self.way.pipeline.client()
        if moment:
            self._during(client, moment, typed)
        writer = self.way.pipeline.writer(asset.tab, client)

        def compute(keys: list[int] | None = None) -> Any:
            with self.way.pipeline.source.connect() as connection:
                return asset.compute(connection, keys)

        if kind == "events":
            try:
                return writer.event_sync(lambda: compute([1, 2, 3]), {"1", "2", "3"})
            except NeedsFullSync:
                pass
        return writer.full_sync(compute(), computed_at=writer.memory.now())

    def _during(self, client: SheetsClient, moment: str, typed: dict[str, str]) -> None:
        when, name = moment.split()
        send = getattr(client, name)

        def sent(*args: Any, **kwargs: Any) -> Any:
            for now in ("before", "after"):
                answer = send(*args, **kwargs) if now == "after" else None
                if now == when:
                    while typed:
                        cell, value = typed.popitem()
                        self.way.put(f"UserProfiles!{cell}", value)
            return answer

        setattr(client, name, sent)

    def die_sending(self, kind: str) -> None:
        """A sync whose process dies while its write is on its way; ``land`` has it arrive."""

        def hold(client: SheetsClient, *args: Any, **kwargs: Any) -> None:
            self._on_its_way = args, {**kwargs, "right_before": None}
            raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SheetsClient, "write", hold)
            with pytest.raises(KeyboardInterrupt):
                self.run(kind)
        self.way.platform.reopen()
        self.way.pipeline = self.way.platform.pipeline

    def land(self) -> bool:
        """The write of the dead process arrives at Google; whether it is applied."""
        args, kwargs = self._on_its_way
        try:
            self.way.pipeline.client().write(*args, **kwargs)
        except RequestRejected:
            return False
        return True

    def run_and_land(self, kind: str, before: int) -> tuple[bool, bool]:
        """A sync; before its request of this number that write arrives: did it, and was it applied?"""
        client, number, landed = self.way.pipeline.client(), 0, []

        def counted(send: Any) -> Any:
            def sent(*args: Any, **kwargs: Any) -> Any:
                nonlocal number
                if number == before:
                    landed.append(self.land())
                number += 1
                return send(*args, **kwargs)

            return sent

        client.read, client.write = counted(client.read), counted(client.write)  # type: ignore[method-assign]
        self.run(kind, client=client)
        return bool(landed), landed == [True]

    def settle(self) -> None:
        """What happens by itself afterwards: edits are applied, and a full sync finds what is left in the tab."""
        apply_due(self.way.pipeline)
        self.run("full")
        apply_due(self.way.pipeline)

    def agree(self) -> None:
        """Edits are settled, both sides hold the same, and a further sync writes nothing."""
        self.settle()
        assert {edit["state"] for edit in self.way.edits()} <= {"applied", "conflict", "same", "superseded"}
        assert self.run("full").traffic.write_requests == 0
        shown = self.way.platform.rows("UserProfiles")
        assert {key: shown[key]["full_name"] for key in (1, 2, 3)} == {
            key: self.way.user(key).full_name for key in (1, 2, 3)
        }


@pytest.fixture
def syncing(way: Way) -> Syncing:
    made = Syncing(way)
    made.change(1, "x")
    made.run("full")  # the hidden tab is made
    return made


def test_an_edit_at_any_moment_is_applied_or_named_and_both_sides_agree(syncing: Syncing) -> None:
    way, number = syncing.way, 0
    for kind in ("full", "events"):
        for moment in MOMENTS:
            number += 1
            ours, theirs = f"Database {number}", f"Typed {number}"
            syncing.change(1, ours)
            report = syncing.run(kind, moment, B2=theirs, B3=f"Alone {number}")
            assert (report.traffic.read_requests, report.traffic.write_requests) <= (3, 1), (kind, moment)
            syncing.settle()
            edits = {edit["typed"]: edit for edit in way.edits()}
            # Once we had written, it was typed over what the database holds.
            state, name = ("applied", theirs) if moment == "after write" else ("conflict", ours)
            assert (edits[theirs]["state"], way.user(1).full_name) == (state, name), (kind, moment)
            assert (edits[f"Alone {number}"]["state"], way.user(2).full_name) == ("applied", f"Alone {number}")
    syncing.agree()
    assert len(way.edits()) == 2 * number


def test_an_edit_that_is_applied_while_rows_are_computed_stays_in_its_cell(syncing: Syncing) -> None:
    way, asset = syncing.way, syncing.way.asset("UserProfiles")
    syncing.change(2, "Database")

    def compute() -> Any:
        with way.pipeline.source.connect() as connection:
            frame = asset.compute(connection, [1, 2, 3])
        way.put("UserProfiles!B2", "Typed")
        assert way.send(way.message("UserProfiles", "full_name", [[1, "Typed"]])).status_code == 202
        apply_due(way.pipeline)
        return frame

    way.pipeline.writer(asset.tab, way.pipeline.client()).event_sync(compute, {"1", "2", "3"})
    shown = way.platform.rows("UserProfiles")
    assert [shown[key]["full_name"] for key in (1, 2)] == ["Typed", "Database"]
    assert way.user(1).full_name == "Typed"
    syncing.agree()
    assert [edit["state"] for edit in way.edits()] == ["applied"]


def test_what_was_written_over_is_told_once_though_its_message_comes_later(syncing: Syncing) -> None:
    way = syncing.way
    syncing.change(1, "Database")
    typed_at = int(time.time() * 1000)
    syncing.run("events", "before write", B2="Typed")
    assert way.send(way.message("UserProfiles", "full_name", [[1, "Typed"]], at=typed_at)).status_code == 202
    syncing.agree()
    assert [(edit["typed"], edit["state"]) for edit in way.edits()] == [("Typed", "conflict")]


def test_a_process_that_dies_after_its_write_leaves_the_edit_to_the_next(
    syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = syncing.way
    for kind, then in (("events", "full"), ("full", "events")):
        syncing.change(1, f"Database {kind}")
        with monkeypatch.context() as patch:
            patch.setattr(CellCopies, "compare", _die)
            with pytest.raises(KeyboardInterrupt):
                syncing.run(kind, "before write", B2=f"Typed {kind}")
        way.put("UserProfiles!B3", f"Between {kind}")
        way.platform.reopen()
        way.pipeline = way.platform.pipeline
        syncing.run(then)
        syncing.agree()
        found = {edit["typed"]: edit["state"] for edit in way.edits()}
        assert found[f"Typed {kind}"] == "conflict"
        assert found[f"Between {kind}"] == "applied"
    assert len(way.edits()) == 4


@pytest.mark.parametrize(("first", "then"), [("full", "events"), ("events", "full")])
def test_a_dead_processs_write_that_arrives_late_harms_nothing(syncing: Syncing, first: str, then: str) -> None:
    way, landed = syncing.way, set()
    for number, before in enumerate([1, 1, 0, 2]):  # twice: once may be taken for a database put back
        syncing.change(1, f"Database {number}")
        syncing.die_sending(first)
        way.put("UserProfiles!B2", f"Typed {number}")
        syncing.change(3, f"Later {number}")  # else the next one may have nothing to write
        landed.add(syncing.run_and_land(then, before))
        syncing.agree()
    assert landed >= {(True, True), (True, False)}
    edits = {edit["typed"]: edit["state"] for edit in way.edits()}
    assert edits == {f"Typed {number}": "conflict" for number in range(4)}


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
