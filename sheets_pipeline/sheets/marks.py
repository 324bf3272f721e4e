"""Reading and writing the marks of a spreadsheet: who keeps it, and the last version of each tab (``sync/marks.py``).

They ride along with the requests that are made anyway. Only where a tab does not stand at a version that we know, one read
request more tells what does.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import orjson

from sheets_pipeline.errors import OwnedByAnother, RequestRejected
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.memory import TabFacts
from sheets_pipeline.sync import marks
from sheets_pipeline.sync.batches import Batch
from sheets_pipeline.sync.marks import Owner, Standing, Version
from sheets_pipeline.sync.plan import Plan

logger = logging.getLogger(__name__)

#: So many versions are remembered that were sent without an answer and may still arrive.
_MOST_LATE = 8

#: How often a version's place is tried for that something else takes in the very moment.
_TRIES = 3


class Ownership(Protocol):
    """Which installation we are; the database room keeps it."""

    def owner(self, *, anew: bool = False) -> Owner:
        """This installation; ``anew`` where another process may have renewed it."""

    def renew(self) -> Owner:
        """Be another installation from now on, as a copy of the one that we were."""


@dataclass(slots=True)
class Sight:
    """What the marks of one tab said when it was read, and what the next write has to mend of them."""

    standing: Standing = Standing.NEW
    #: The last version there, None where there is none.
    last: Version | None = None
    owner_is_known: bool = False
    owner_is_missing: bool = False
    replaces_owner: bool = False
    #: Metadata ids of versions that are in the way of ours.
    in_the_way: list[int] = field(default_factory=list)
    #: Versions that are about to be written, in their order.
    coming: list[Version] = field(default_factory=list)

    @property
    def forgotten(self) -> Version | None:
        """The last version, where it is one that we do not know."""
        return self.last if self.standing is Standing.FORGOTTEN else None

    @property
    def is_as_known(self) -> bool:
        """Whether what we remember of the tab's rows is what stands there."""
        return self.standing in (Standing.OURS, Standing.NEW)


@dataclass(frozen=True, slots=True)
class _Seen:
    owners: list[str]
    versions: dict[int, Version]


class TabMarks:
    """The marks that concern one tab; ``clock`` gives seconds since 1970, the same for all processes and hosts."""

    def __init__(self, client: SheetsClient, ownership: Ownership, clock: Callable[[], float]) -> None:
        self.client, self.ownership, self.clock = client, ownership, clock

    def lookups(self, facts: TabFacts) -> list[dict[str, Any]]:
        """What to look for when the tab is read."""
        return marks.lookups(facts.sheet_id, expected(facts))

    def of_no_tab(self, owners: Iterable[str], *, takes_over: bool) -> Sight:
        """For a tab that is about to be made.

        Args:
            owners: The owner's marks, as the spreadsheet was just read.
            takes_over: Whether a person has allowed to replace another owner.
        """
        return self._with_owner(Sight(), owners, takes_over)

    def of_tab(
        self,
        facts: TabFacts,
        matched: Collection[dict[str, Any]],
        *,
        takes_over: bool = False,
        was_refused: bool = False,
    ) -> Sight:
        """What the marks say of a tab that was just read; costs a read request where they are not as expected.

        Args:
            facts: What we remember of the tab.
            matched: Those of ``marks.lookups`` that matched.
            takes_over: Whether a person has allowed to replace another owner.
            was_refused: Whether Google refused our last write, perhaps for a mark that stood in its way.

        Raises:
            OwnedByAnother: Another installation keeps the spreadsheet.
        """
        is_settled, last = marks.is_settled(facts.sheet_id, expected(facts), matched)
        is_ours = last is None or last.installation == self.ownership.owner().installation  # else we are a copy
        if is_settled and is_ours and not was_refused and not (takes_over and last is None):
            return Sight(Standing.OURS if last else Standing.NEW, last, owner_is_known=last is not None)
        seen = self._search(facts.sheet_id)
        standing, last = marks.judge(_read(expected(facts)), seen.versions.values())
        sight = self._with_owner(Sight(standing, last), seen.owners, takes_over)
        if was_refused:
            sight.in_the_way = list(seen.versions)
        if standing is Standing.FORGOTTEN and not sight.replaces_owner:
            self._refuse_twin(facts, sight, takes_over)
        return sight

    def _search(self, sheet_id: int) -> _Seen:
        filters = [{"developerMetadataLookup": {"metadataKey": key}} for key in (marks.OWNER_KEY, marks.VERSION_KEY)]
        path, body = "/developerMetadata:search", {"dataFilters": filters}
        answer = self.client.together("marks", None, 0, lambda _: self.client.read(path, body=body))
        seen = _Seen([], {})
        for match in answer.get("matchedDeveloperMetadata", []):
            entry = match["developerMetadata"]
            text, location = entry.get("metadataValue", ""), entry.get("location", {})
            if entry["metadataKey"] == marks.OWNER_KEY:
                seen.owners.append(text)
            elif location.get("dimensionRange", {}).get("sheetId", 0) == sheet_id and (
                version := marks.read_version(text)
            ):
                seen.versions[entry["metadataId"]] = version
        return seen

    def _with_owner(self, sight: Sight, owners: Iterable[str], takes_over: bool) -> Sight:
        owner, me = marks.owner_of(owners, self.client.spreadsheet_id), self.ownership.owner()
        sight.owner_is_known = True
        if owner is None:
            # A mark that came along with a copy of the file has our mark's id.
            return replace(sight, owner_is_missing=True, replaces_owner=bool(list(owners)))
        if owner.installation != me.installation:
            me = self.ownership.owner(anew=True)
        if owner.installation == me.installation:
            return sight
        if not takes_over:
            raise OwnedByAnother(self.client.spreadsheet_id, str(owner), str(me))
        logger.warning("The spreadsheet was kept by %s; it is taken over", owner)
        return replace(sight, owner_is_missing=True, replaces_owner=True)

    def _refuse_twin(self, facts: TabFacts, sight: Sight, takes_over: bool) -> None:
        """A second version that we do not know, so soon after the first: a copy of our own database writes, too."""
        me = self.ownership.owner()
        is_twin = sight.last is not None and sight.last.installation == me.installation
        if not is_twin or self.clock() - facts.recovered_at > marks.TWIN_SECONDS:
            return
        if not takes_over:
            raise OwnedByAnother(self.client.spreadsheet_id, f"{me} (a copy of this installation)", str(me))
        self.ownership.renew()
        sight.owner_is_missing = sight.replaces_owner = True

    # Writing -----------------------------------------------------------------------------------------------------------

    def sign(self, sight: Sight, facts: TabFacts, plan: Plan, rows: Callable[[], str]) -> TabFacts:
        """Add the marks to the plan's requests; gives the facts to remember before the first of them is sent.

        Args:
            sight: How the tab was read.
            facts: What was found of the tab.
            plan: The writes to come; where only the owner's mark is to be written, one is added.
            rows: Gives the digest of the keys that will be ours in the tab.
        """
        owner = self.ownership.owner()
        is_anothers = sight.last is not None and sight.last.installation != owner.installation
        if (sight.replaces_owner or is_anothers) and not plan.batches:
            plan.writes.append(Batch())  # so that the other one notices
        if plan.batches and not sight.owner_is_known:
            sight = self._with_owner(sight, self._search(facts.sheet_id).owners, takes_over=False)
        signed = plan.batches
        known = [version.number for version in _read(expected(facts))]
        number = sight.last.number if sight.last else max(known, default=0)
        sight.coming, rows_then = [], rows() if signed else ""
        for batch in signed:
            requests: list[dict[str, Any]] = []
            if batch is signed[0]:
                requests += marks.removal_requests(sight.in_the_way)
                if sight.owner_is_missing:
                    requests += marks.owner_requests(owner, self.client.spreadsheet_id, replaces=sight.replaces_owner)
            version = marks.following(number, owner.installation, rows_then)
            batch.requests += map(orjson.dumps, [*requests, *marks.version_requests(facts.sheet_id, version)])
            sight.coming.append(version)
            number = version.number
        last = sight.last.text if sight.last else ""
        late = marks.may_arrive(_read(facts.intended), sight.last)[-_MOST_LATE:]
        facts = replace(facts, version=last, intended=[version.text for version in (*late, *sight.coming)])
        if sight.standing is Standing.FORGOTTEN:
            facts = replace(facts, recovered_at=self.clock())
        return facts

    def close(self, facts: TabFacts, save: Callable[[TabFacts], None]) -> None:
        """See to it that nothing arrives any more of what was sent without an answer; see docs/decisions/0025.

        What has not arrived by now finds the place of its version taken, so Google refuses it as a whole. One read request,
        and one write where something may still arrive.

        Args:
            facts: What we remember of the tab.
            save: Notes what is known of it, before the write and after it.
        """
        for _ in range(_TRIES):
            seen, sent = self._search(facts.sheet_id).versions.values(), _read(facts.intended)
            last = max(seen, key=lambda version: version.number, default=None)
            if last is None or last not in _read(expected(facts)):
                return  # the reading that follows tells what that means
            arrived = [version.text for version in marks.applied(sent, seen)]
            if marks.may_arrive(sent, last):
                last = marks.following(last.number, self.ownership.owner().installation, last.rows)
                facts = replace(facts, intended=[*facts.intended, last.text])
                save(facts)
                requests = orjson.dumps(marks.version_requests(facts.sheet_id, last))
                try:
                    access.apply_requests(self.client, requests, "", [], [])
                except RequestRejected:
                    continue  # it arrived just now
            save(replace(facts, version=last.text, intended=arrived))
            return


def expected(facts: TabFacts) -> list[str]:
    """The versions one of which should be the last in the tab: the one we know, and those sent since."""
    return [facts.version, *facts.intended]


def _read(texts: Iterable[str]) -> list[Version]:
    return [version for text in texts if (version := marks.read_version(text)) is not None]
