"""Edits over HTTP: looked up, exported, decided about, taken back."""

import csv
import io

import httpx
import pytest
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.platform.tables import users
from sheets_pipeline_tests.control.stage import TOKEN, Stage

SPAN = {"since": "2000-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def begun(opened_stage: Stage) -> Stage:
    """Its tabs have been synced."""
    opened_stage.begin()
    return opened_stage


@pytest.fixture
def stage(begun: Stage) -> Stage:
    """No edit is in the ledger."""
    with begun.pipeline.state.begin() as connection:
        connection.execute(sheet_edit.delete())
    return begun


def name_of(stage: Stage, key: int) -> str:
    with stage.pipeline.platform.connect() as connection:
        return str(connection.scalar(sa.select(users.c.full_name).where(users.c.id == key)))


def rename(stage: Stage, key: int, name: str) -> None:
    with stage.pipeline.platform.begin() as connection:
        connection.execute(users.update().where(users.c.id == key).values(full_name=name))


def test_edits_are_listed_filtered_and_paged(stage: Stage) -> None:
    first, second = stage.type(1, full_name="Ada Löwe", email="ada@l.org")
    [third] = stage.type(2, editor="bob@example.org", full_name="Bo")
    page = stage.get("/edits", limit=2)
    assert [edit["id"] for edit in page["edits"]] == [third, second]
    assert [edit["id"] for edit in stage.get("/edits", before=page["next"])["edits"]] == [first]
    assert stage.get("/edits", editor="bob@example.org", tab="UserProfiles")["edits"][0]["typed"] == "Bo"
    assert stage.get("/edits", state="dead")["edits"] == []
    lines = list(csv.DictReader(io.StringIO(stage.client.get("/edits.csv").text)))
    assert [line["to"] for line in lines] == ["Bo", "ada@l.org", "Ada Löwe"]
    assert stage.client.get("/edits", params={"state": "x"}).status_code == 422
    assert stage.client.get("/edits/999999999").status_code == 404


def test_values_of_cells_are_told_to_nobody_without_the_token(stage: Stage) -> None:
    [edit] = stage.type(1, full_name="Told to nobody")
    for path in ("/edits", "/edits.csv", f"/edits/{edit}"):
        assert httpx.get(stage.token_url + path).status_code == 401
        answer = httpx.get(stage.token_url + path, headers={"Authorization": f"Bearer {TOKEN}"})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    for path in (f"/edits/{edit}/accept", f"/edits/{edit}/undo", "/edits/undo", "/edits/reject"):
        assert httpx.post(stage.token_url + path, json={}).status_code == 401


def test_a_conflict_is_decided_either_way_and_the_ledger_says_by_whom(stage: Stage) -> None:
    before = name_of(stage, 1)
    rename(stage, 1, "Changed meanwhile")
    rename(stage, 2, "Changed meanwhile")
    [one], [other] = stage.type(1, full_name="Adele"), stage.type(2, full_name="Bob")
    for edit in (one, other):
        assert stage.settled(edit)["state"] == "conflict"
    [taken] = stage.post(f"/edits/{one}/accept", by="Cleo").json()["edits"]
    assert (taken["state"], taken["decided_by"], name_of(stage, 1)) == ("applied", "Cleo", "Adele")
    [kept] = stage.post(f"/edits/{other}/reject").json()["edits"]
    assert (kept["state"], kept["decided_by"], name_of(stage, 2)) == ("rejected", "control API", "Changed meanwhile")
    refused = stage.post(f"/edits/{one}/accept")
    assert (refused.status_code, "is applied" in refused.json()["error"]) == (409, True)
    rename(stage, 1, before)


def test_a_persons_hour_is_previewed_and_taken_back(stage: Stage) -> None:
    names = name_of(stage, 3), name_of(stage, 4)
    stage.type(3, full_name="Eve")
    [edit] = stage.type(4, full_name="Fay", batch="one-batch")
    stage.settled(edit)
    rename(stage, 3, "Later")
    asked = {"editor": "ada@example.org", **SPAN}
    preview = stage.post("/edits/undo", **asked, dry_run=True).json()
    assert [(cell["now"], cell["then"], cell["outcome"]) for cell in preview["cells"]] == [
        ("Later", names[0], "kept"),
        ("Fay", names[1], "changes"),
    ]
    assert (name_of(stage, 4), preview["batch"]) == ("Fay", None)
    done = stage.post("/edits/undo", **asked, by="Cleo").json()
    assert (done["asked"], done["states"]) == (2, {"applied": 1, "conflict": 1})
    assert (name_of(stage, 3), name_of(stage, 4)) == ("Later", names[1])
    undone = stage.get(f"/edits/{edit}")
    assert (undone["edit"]["state"], undone["cell"][0]["decided_by"]) == ("undone", "Cleo")
    assert stage.post("/edits/undo", batch="one-batch").status_code == 404  # nothing of it is left
    assert stage.post(f"/edits/{edit}/undo").status_code == 409
    rename(stage, 3, names[0])


def test_a_fresh_start_leaves_no_edit_that_a_later_test_would_find_applied(stage: Stage) -> None:
    before = name_of(stage, 3)
    rename(stage, 3, "Changed meanwhile")
    [edit] = stage.type(3, full_name="Eva")
    assert stage.settled(edit)["state"] == "conflict"
    stage.begin()
    assert stage.get("/edits")["edits"] == []
    rename(stage, 3, before)


def test_an_undo_names_its_edits_in_one_way(stage: Stage) -> None:
    for body in ({}, {"batch": "x", "ids": [1]}, {"editor": "a@b.org"}, {"editor": "a@b.org", "since": SPAN["since"]}):
        answer = stage.post("/edits/undo", **body)
        assert (answer.status_code, "since" in answer.json()["error"]) == (422, True)
