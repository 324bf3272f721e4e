"""Tests of packages/local-sheets/local_sheets/drive/query.py."""

import pytest

from local_sheets.drive.errors import DriveError
from local_sheets.drive.query import read_query, words_of

CHECKED_AGAINST = ("reference https://developers.google.com/workspace/drive/api/guides/ref-search-terms",)

FILE = {
    "name": "Ann's budget 2026",
    "mimeType": "application/vnd.google-apps.spreadsheet",
    "trashed": False,
    "starred": True,
    "parents": ["folder1"],
    "modifiedTime": "2026-03-01T10:00:00.000Z",
    "createdTime": "2026-01-01T10:00:00.000Z",
    "fullText": words_of("Profit_North 12"),
    "permissions": [{"role": "writer", "emailAddress": "bob@example.com"}],
}


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("", True),
        (r"name = 'Ann\'s budget 2026'", True),
        ('name = "Ann\'s budget 2026"', True),
        ("name = 'other'", False),
        ("name != 'other'", True),
        ("name contains 'budg'", True),
        ("name contains 'udget'", False),
        ("name contains 'BUDGET'", True),
        ("mimeType='application/vnd.google-apps.spreadsheet'", True),
        ("mimeType contains 'application/vnd.google-apps'", True),
        ("mimeType != 'application/vnd.google-apps.spreadsheet'", False),
        ("trashed = false", True),
        ("trashed=true", False),
        ("trashed != true", True),
        ("starred = true and trashed = false", True),
        ("starred = false or trashed = false", True),
        ("not starred = true", False),
        ("not (starred = true and trashed = true)", True),
        ("'folder1' in parents", True),
        ("'folder2' in parents", False),
        ("'bob@example.com' in writers", True),
        ("'bob@example.com' in owners", False),
        ("'bob@example.com' in readers", True),
        ("modifiedTime > '2026-02-01T00:00:00'", True),
        ("modifiedTime > '2026-04-01T00:00:00'", False),
        ("createdTime <= '2026-01-01T10:00:00Z'", True),
        ("name = 'x' or name contains 'Ann' and trashed = false", True),
        ("(name = 'x' or name contains 'Ann') and trashed = true", False),
        ("starred = true or name = 'x' and trashed = true", False),
        ("starred = true or (name = 'x' and trashed = true)", True),
        ("'BOB@example.com' in writers", True),
        ("shortcutDetails.targetId = 'x'", False),
        ("fullText contains 'north profit'", True),
        ("fullText contains 'nort'", False),
        ("fullText contains '\"profit north\"'", True),
        ("fullText contains '\"north profit\"'", False),
        (" or ".join(["trashed = true"] * 3000) + " or starred = true", True),
    ],
)
def test_a_query_lets_the_right_files_through(query, fits):
    assert read_query(query)(FILE) is fits


@pytest.mark.parametrize(
    "query",
    ["name", "name =", "name = 'x' and", "(name = 'x'", "name = 'x' name = 'y'", "colour = 'red'", "name ~ 'x'", "'x' in colours",
     "name = 'x", "and", "name > 'x'", "'x' = name", "createdTime > 'soon'", "trashed = 'perhaps'",
     "fullText = 'x'", "'x' in name", "properties has { key='a' }", "name has 'x'"],
)  # fmt: skip
def test_a_text_that_is_no_query_is_refused(query):
    with pytest.raises(DriveError) as refusal:
        read_query(query)
    assert refusal.value.body()["error"]["errors"][0]["location"] == "q"
