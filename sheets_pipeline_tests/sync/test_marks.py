"""Marks: who keeps a spreadsheet, and what the last version of a tab is to us."""

import pytest

from sheets_pipeline.sync import marks
from sheets_pipeline.sync.installation import Place, is_same_place
from sheets_pipeline.sync.marks import Owner, Standing, Version

ME, OTHER = Owner("aaa", "database 'learning' on db", "2026-01-01"), Owner("bbb", "staging", "2026-02-01")


def v(number: int, nonce: str = "x", installation: str = "aaa") -> Version:
    return Version(number, installation, nonce, "00")


def test_an_owner_is_read_as_it_was_written() -> None:
    assert marks.owner_of([ME.text("S")], "S") == ME
    assert marks.owner_of([], "S") is None


def test_a_mark_that_came_along_with_a_copy_of_the_file_is_none() -> None:
    assert marks.owner_of([ME.text("S")], "copy of S") is None


def test_of_two_owners_all_agree_on_the_earlier_one() -> None:
    texts = [OTHER.text("S"), ME.text("S")]
    assert marks.owner_of(texts, "S") == marks.owner_of(texts[::-1], "S") == ME


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", "null", '{"installation": 1}'])
def test_a_mark_that_cannot_be_read_is_somebody_elses(text: str) -> None:
    result = marks.owner_of([text], "S")
    assert result is not None
    assert result.installation not in ("aaa", "bbb")


def test_versions_are_read_as_they_were_written() -> None:
    version = marks.following(7, "aaa", "00ff")
    assert marks.read_version(version.text) == version
    assert [marks.read_version(text) for text in ("", "1.2.3", "x.a.b.c", "1.a.b.c.d")] == [None] * 4


@pytest.mark.parametrize(
    ("known", "found", "standing", "last"),
    [
        pytest.param([], [], Standing.NEW, None, id="nobody wrote"),
        pytest.param([v(3)], [v(2), v(3)], Standing.OURS, v(3), id="as written"),
        pytest.param([v(3), v(4, "sent")], [v(3)], Standing.OURS, v(3), id="a write that was not applied"),
        pytest.param([v(3), v(4, "sent")], [v(3), v(4, "sent")], Standing.OURS, v(4, "sent"), id="and one that was"),
        pytest.param([v(3)], [v(1), v(2)], Standing.PUT_BACK, v(2), id="the spreadsheet was put back"),
        pytest.param([v(3)], [], Standing.PUT_BACK, None, id="to before the first version"),
        pytest.param([v(3)], [v(3), v(9)], Standing.FORGOTTEN, v(9), id="our tables were put back"),
        pytest.param([v(3)], [v(3, "theirs")], Standing.FORGOTTEN, v(3, "theirs"), id="a twin"),
        pytest.param([], [v(3)], Standing.FORGOTTEN, v(3), id="our tables were lost"),
    ],
)
def test_what_the_versions_say(
    known: list[Version], found: list[Version], standing: Standing, last: Version | None
) -> None:
    assert marks.judge(known, found) == (standing, last)


def matching(sheet_id: int, expected: list[Version], there: list[Version]) -> tuple[bool, Version | None]:
    """What a read of a tab with these versions settles."""
    texts, ids = {result.text for result in there}, {marks.version_id(sheet_id, result.number) for result in there}
    lookups = marks.lookups(sheet_id, [result.text for result in expected])
    matched = [
        lookup
        for lookup in lookups
        if lookup.get("metadataValue") in texts
        or lookup.get("metadataId") in ids
        or ("metadataLocation" in lookup and ids)
    ]
    return marks.is_settled(sheet_id, [result.text for result in expected], matched)


def test_a_read_settles_which_version_is_the_last() -> None:
    assert matching(5, [], []) == (True, None)
    assert matching(5, [v(3)], [v(2), v(3)]) == (True, v(3))
    assert matching(5, [v(3), v(4)], [v(3), v(4)]) == (True, v(4))
    assert matching(5, [v(3), v(4)], [v(2), v(3)]) == (True, v(3))


def test_a_read_does_not_settle_what_others_wrote() -> None:
    assert not matching(5, [], [v(3)])[0]
    assert not matching(5, [v(3)], [v(3), v(4, "theirs")])[0]
    assert not matching(5, [v(3), v(4)], [v(3), v(4), v(5, "theirs")])[0]
    assert not matching(5, [v(3), v(4)], [v(3), v(4, "theirs")])[0]
    assert not matching(5, [v(3)], [v(2)])[0]


def test_ids_of_versions_are_valid_and_differ_between_tabs() -> None:
    ids = {marks.version_id(sheet_id, n) for sheet_id in (0, 1, 77, 2**31 - 1, 965814184) for n in range(8)}
    assert len(ids) == 40
    assert 0 < min(ids) <= max(ids) < 2**31
    assert marks.version_id(77, 3) == marks.version_id(77, 11) != marks.version_id(77, 4)


def test_a_digest_tells_sets_of_keys_apart_and_can_be_carried_on() -> None:
    whole = marks.digest(["1", "2", "é\ud800"])
    assert whole == marks.digest(["é\ud800", "2", "1"]) != marks.digest(["1", "2"])
    assert marks.digest(["3"], start=marks.digest(["1", "2", "x"]), without=["x"]) == marks.digest(["1", "2", "3"])


@pytest.mark.parametrize(
    ("now", "is_same"),
    [
        pytest.param(Place("learning", frozenset({"cluster 1"})), True, id="restored in its place"),
        pytest.param(Place("learning", frozenset({"cluster 2"})), False, id="another server"),
        pytest.param(Place("staging", frozenset({"cluster 1"})), False, id="a copy on the same server"),
        pytest.param(Place("learning", frozenset({"cluster 1", "host b"})), True, id="one sign has changed"),
    ],
)
def test_a_copy_of_the_tables_is_told_from_a_restored_one(now: Place, is_same: bool) -> None:
    assert is_same_place(Place("learning", frozenset({"cluster 1", "host a"})), now) is is_same


def test_a_place_keeps_a_bounded_number_of_signs_the_newest_among_them() -> None:
    place = Place("learning", frozenset(f"host {n:02}" for n in range(12)))
    both = place.together_with(Place("learning", frozenset({"host 01", "host 99"})))
    assert len(both.anchors) == 12
    assert {"host 01", "host 99"} <= both.anchors


def test_what_was_sent_may_arrive_only_where_the_place_after_the_last_one_is_its_own() -> None:
    sent = [v(4), v(5, "late"), v(6)]
    assert marks.may_arrive(sent, v(4)) == sent[1:]
    assert marks.may_arrive(sent, v(5, "ours")) == [v(6)]
    assert marks.may_arrive(sent, v(6)) == []
    assert marks.may_arrive(sent, None) == sent


def test_what_was_applied_is_there_or_has_made_room() -> None:
    sent = [v(4), v(5, "late"), v(6)]
    assert marks.applied(sent, [v(5, "ours"), v(6)]) == [v(4), v(6)]
    assert marks.applied(sent, []) == []
