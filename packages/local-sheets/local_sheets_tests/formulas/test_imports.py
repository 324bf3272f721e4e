"""Tests of packages/local-sheets/local_sheets/imports.py: IMPORTRANGE between local spreadsheets."""

import threading

import pytest

from local_sheets.engine import Engine
from local_sheets.imports import LOADING, NOT_ALLOWED, NOT_FOUND, donor_id
from local_sheets.model.cell import effective, number_format_of
from local_sheets_tests.formulas.book import Book


@pytest.fixture
def engine(tmp_path):
    made = Engine(tmp_path)
    yield made
    made.close()


def error_of(book):
    return effective(book.tab.cell(0, 0))


def test_the_address_and_the_id_name_the_same_spreadsheet():
    for text in (
        "https://docs.google.com/spreadsheets/d/1a-B_c/edit#gid=0",
        "http://x/spreadsheets/u/1/d/1a-B_c",
        " 1a-B_c ",
    ):
        assert donor_id(text) == "1a-B_c"


def test_cells_are_shown_once_access_is_allowed_and_follow_their_spreadsheet(engine):
    donor, book = Book(engine), Book(engine)
    donor.write(A1="name", B1="day", A2="Ann", B2="2020-01-31")
    book.write(
        A1=f'=IMPORTRANGE("https://docs.google.com/spreadsheets/d/{donor.id}/edit","Sheet1!A1:B3")', D1='=A2&"!"'
    )
    assert error_of(book) == NOT_ALLOWED
    engine.allow_import(book.id, donor.id)
    assert book.read("A1 B1 A2 B2 A3 D1") == ["name", "day", "Ann", 43861, None, "Ann!"]
    assert (number_format_of(book.tab.cell(1, 1)) or {})["type"] == "DATE"
    before = engine.open(book.id).file["version"]
    donor.write(A2="Bob")
    assert book.read("A2 D1") == ["Bob", "Bob!"]
    assert engine.open(book.id).file["version"] == before


@pytest.mark.parametrize(
    ("formula", "kind"),
    [
        ('=IMPORTRANGE("1nobody","A1")', NOT_FOUND.message),
        ('=IMPORTRANGE("{donor}","Nope!A1")', "Cannot find range or sheet for imported range."),
        ('=IMPORTRANGE("{donor}","")', "Cannot find range or sheet for imported range."),
    ],
)
def test_what_cannot_be_imported_says_why(engine, formula, kind):
    donor, book = Book(engine), Book(engine)
    engine.allow_import(book.id, donor.id)
    book.write(A1=formula.format(donor=donor.id))
    assert error_of(book).message == kind


def test_imports_of_imports_follow_and_work_in_other_functions(engine):
    first, second, third = Book(engine), Book(engine), Book(engine)
    engine.allow_import(second.id, first.id)
    engine.allow_import(third.id, second.id)
    first.write(A1=1, A2=5)
    second.write(A1=f'=IMPORTRANGE("{first.id}","A1:A2")')
    third.write(A1=f'=QUERY(IMPORTRANGE("{second.id}","Sheet1!A1:A2"),"select sum(Col1) label sum(Col1) \'\'",0)')
    assert third.read("A1") == [6]
    first.write(A1=10)
    assert third.read("A1") == [15]


def test_spreadsheets_that_import_from_each_other_come_to_an_end(engine):
    one, other = Book(engine), Book(engine)
    engine.allow_import(one.id, other.id)
    engine.allow_import(other.id, one.id)
    one.write(A1=f'=IMPORTRANGE("{other.id}","A1")', B1=2)
    other.write(A1=f'=IMPORTRANGE("{one.id}","B1")')
    assert (one.read("A1"), other.read("A1")) == ([2], [2])
    one.write(B1=3)
    assert (one.read("A1"), other.read("A1")) == ([3], [3])


def test_what_changed_while_the_server_was_down_for_one_is_seen_when_it_is_opened(tmp_path):
    engine = Engine(tmp_path)
    donor, book = Book(engine), Book(engine)
    engine.allow_import(book.id, donor.id)
    donor.write(A1=1)
    book.write(A1=f'=IMPORTRANGE("{donor.id}","A1")')
    engine.close()
    engine = Engine(tmp_path)
    donor.engine = book.engine = engine
    donor.write(A1=2)
    assert book.read("A1") == [2]
    engine.delete(donor.id)
    assert error_of(book) == NOT_FOUND
    engine.close()


def test_a_spreadsheet_that_is_being_changed_is_not_waited_for(engine):
    donor, book = Book(engine), Book(engine)
    engine.allow_import(book.id, donor.id)
    donor.write(A1=1)
    is_changing, may_end = threading.Event(), threading.Event()

    def slow(tx):
        is_changing.set()
        assert may_end.wait(30)

    changing = threading.Thread(target=engine.change, args=(donor.id, slow))
    changing.start()
    assert is_changing.wait(30)
    book.write(A1=f'=IMPORTRANGE("{donor.id}","A1")')
    shown = effective(engine._entries[book.id].sheet.tabs[0].cell(0, 0))
    may_end.set()
    changing.join()
    assert shown == LOADING
    assert book.read("A1") == [1]


def test_access_is_allowed_by_googles_address_and_by_the_fixture(new_api):
    importer, donor = new_api(), new_api()
    importer.type("A1", [[f'=IMPORTRANGE("{donor.spreadsheet_id}","A1")']])
    donor.type("A1", [["x"]])
    assert importer.values("A1") == [["#REF!"]]
    door = f"/spreadsheets/d/{importer.spreadsheet_id}/externaldata/addimportrangepermissions?donorDocId="
    assert importer.session.post(importer.server.endpoint + door + "nobody", timeout=30).status_code == 404
    assert importer.session.post(importer.server.endpoint + door + donor.spreadsheet_id, timeout=30).status_code == 200
    assert importer.values("A1") == [["x"]]
    donor.type("A1", [["y"]])
    assert importer.values("A1") == [["y"]]
    donor.server.allow_import(donor.spreadsheet_id, importer.spreadsheet_id)
    donor.type("B1", [[f'=IMPORTRANGE("{importer.spreadsheet_id}","A1")&"!"']])
    assert donor.values("B1") == [["y!"]]
