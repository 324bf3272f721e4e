"""What every store of sources does: one suite for all of them."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from osmem_server import OsmemServer

from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sources.canonical import row_id
from sheets_pipeline.sources.content import Cell, Content, SourceColumn
from sheets_pipeline.sources.diff import diff
from sheets_pipeline.sources.elasticsearch import ElasticsearchStore
from sheets_pipeline.sources.postgresql import PostgresqlStore
from sheets_pipeline.sources.store import SourceStore
from sheets_pipeline.sync.source import CellType
from sheets_pipeline.testing import new_database
from sheets_pipeline_tests.sources.contents import PEOPLE, people, person


@pytest.fixture(scope="module", params=["postgresql", "elasticsearch"])
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[SourceStore, str]]:
    """One store for all tests, and its address: each has a source of its own, with the test's name.

    Elasticsearch is the server of ELASTICSEARCH_URL where there is one, else a server in memory with OpenSearch's API.
    """
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        with new_database(server) as url:
            engine = connect(url)
            yield PostgresqlStore(engine), url
            engine.dispose()
    elif real := os.environ.get("ELASTICSEARCH_URL"):
        yield ElasticsearchStore(real), real
    else:
        with OsmemServer.start(japanese=False) as osmem:
            yield ElasticsearchStore(osmem.url), osmem.url


@pytest.fixture
def store(opened: tuple[SourceStore, str]) -> SourceStore:
    return opened[0]


@pytest.fixture
def source(request: pytest.FixtureRequest) -> str:
    return f"{request.node.name} {uuid.uuid4()}"


def test_a_content_comes_back_as_it_went_in(store: SourceStore, source: str):
    hostile = [
        "",
        "=1+1",
        "007",
        "1E5",
        "\0",
        "\ud800",
        "a\tb\nc\\n\\.",
        '{"date": "2026-01-31"}',
        "\\u0000",
        "🎓",
        "'",
    ]
    cells: list[Cell] = [*hostile, 10**30, Decimal("1e-30"), True, 1, Decimal("1.50"), *person(1)]
    content = Content(PEOPLE, [person(i, note=cell) for i, cell in enumerate(cells)])
    stored = store.put(source, content)
    assert [*store.rows(stored.version)] == content.rows
    assert [[type(cell) for cell in row[:7]] for row in store.rows(stored.version)] == [
        [type(cell) for cell in row[:7]] for row in content.rows
    ]
    assert store.latest(source) == stored.version
    assert (stored.is_new, stored.version.number, stored.version.columns) == (True, 1, PEOPLE)
    assert abs(datetime.now(UTC) - stored.version.read_at) < timedelta(minutes=5)


def test_the_same_content_stores_nothing(store: SourceStore, source: str):
    first = store.put(source, people(100))
    again = store.put(source, people(100))
    assert (again.is_new, again.new_bytes, again.version) == (False, 0, first.version)
    assert store.versions(source) == [first.version]


def test_a_content_that_comes_back_is_a_version_again(store: SourceStore, source: str):
    first, second, third = (store.put(source, people(n)).version for n in (3, 4, 3))
    assert [version.number for version in store.versions(source)] == [3, 2, 1]
    assert store.versions(source, limit=2) == [third, second]
    assert store.version(source, first.content_hash) == third
    assert len([*store.rows(first)]) == 3


def test_one_changed_cell_stores_its_row_and_lists(store: SourceStore, source: str):
    whole = store.put(source, people(10_000)).new_bytes
    changed = store.put(source, people(10_000, person(5_000, "Grace")))
    assert (
        changed.new_bytes < whole * 0.02
    )  # of 100,000 rows less than a hundredth, as their number is what lists grow by
    assert [*store.rows(changed.version, offset=4_999, limit=2)] == [person(4_999), person(5_000, "Grace")]


def test_rows_come_from_an_offset_on(store: SourceStore, source: str):
    content = people(1_500)
    version = store.put(source, content).version
    for offset, limit in [(0, 1), (523, 1_000), (1_499, 5), (1_500, 1), (5, None), (0, 0)]:
        end = None if limit is None else offset + limit
        assert [*store.rows(version, offset=offset, limit=limit)] == content.rows[offset:end]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_content_may_have_hardly_any_rows(store: SourceStore, source: str, rows: int):
    version = store.put(source, people(rows)).version
    assert (version.rows, len([*store.rows(version)])) == (rows, rows)


def test_a_header_makes_a_version(store: SourceStore, source: str):
    store.put(source, people(3))
    renamed = (SourceColumn("id", "Number", CellType.INTEGER), *PEOPLE[1:])
    stored = store.put(source, Content(renamed, people(3).rows))
    assert (stored.is_new, stored.version.columns) == (True, renamed)


def test_a_version_is_found_by_the_beginning_of_its_hash(store: SourceStore, source: str):
    versions = [store.put(source, people(n)).version for n in range(5)]
    found = store.version(source, versions[3].content_hash[:16].upper())
    assert found == versions[3]
    with pytest.raises(SourceProblem, match="5 versions begin with ''"):
        store.version(source, "")
    with pytest.raises(SourceProblem, match="no version 'zzz' is kept"):
        store.version(source, "zzz")
    assert store.latest("no such source") is None


WORDS: list[tuple[Cell, list[str], list[str]]] = [
    ("Straße ÉCOLE", ["strasse", "école", "éco strasse", "STRASSE"], ["strasser", "asse", "cole"]),
    ("ada@example.org", ["ada", "example", "ada@example.org", "org ada"], ["da"]),
    ("東京都港区", ["東京", "港区", "京都", "区", "東京都港区"], ["区港", "京東"]),
    ("กรุงเทพ", ["เทพ", "กรุง"], ["เทกรุ"]),
    ("हिन्दी में", ["हिन्दी", "में"], ["नमस्ते"]),
    ("שלום العربية", ["שלום", "العربية"], ["عرب"]),
    ("snake_case don't", ["case", "snake_case", "don't"], ["nake"]),
    ("x" * 5_000, ["x" * 4_000, "xxx"], ["y"]),
    (Decimal("1234.5"), ["1234.5", "1234"], ["34"]),
    ("'quoted' & | ! <-> \\", ["quoted", "'quoted'"], ["unquoted"]),
]


def test_words_are_found_in_any_language(store: SourceStore, source: str):
    store.put(source, Content(PEOPLE, [person(i, "Bob", note) for i, (note, _, _) in enumerate(WORDS)]))
    for i, (_, finds, misses) in enumerate(WORDS):
        for text in finds:
            assert i in [found.number for found in store.search(text, source=source)], text
        for text in misses:
            assert i not in [found.number for found in store.search(text, source=source)], text
    assert store.search(" ' & ", source=source) == []


def test_a_search_looks_into_latest_versions_alone(store: SourceStore, source: str):
    store.put(source, people(700, person(5, "Quetzal"), person(650, "Quetzal")))
    latest = store.put(source, people(700, person(650, "Quetzal"), person(651, "quetzal"))).version
    store.put(f"{source} too", people(2, person(1, "Quetzal")))
    found = store.search("quetz", source=source)
    assert [(one.version, one.number, one.row) for one in found] == [
        (latest, 650, person(650, "Quetzal")),
        (latest, 651, person(651, "quetzal")),
    ]
    assert len(store.search("quetz", source=source, limit=1)) == 1
    assert {one.version.source for one in store.search("quetz")} == {source, f"{source} too"}


def test_the_same_row_is_found_wherever_it_stands(store: SourceStore, source: str):
    store.put(source, Content(PEOPLE, [person(1, "Twin"), person(2), person(1, "Twin")]))
    assert [found.number for found in store.search("twin", source=source)] == [0, 2]


def test_versions_are_forgotten_with_what_only_they_held(store: SourceStore, source: str):
    for n in range(4):
        store.put(source, people(600, person(n, "Zebra")))
    second = store.versions(source)[2]
    assert store.forget(source, keep=5) == 0
    assert store.forget(source, keep=2) == 2
    assert [version.number for version in store.versions(source)] == [4, 3]
    assert [*store.rows(store.versions(source)[1])] == people(600, person(2, "Zebra")).rows
    with pytest.raises(SourceProblem, match="kept no longer"):
        next(store.rows(second))
    back = store.put(source, people(600, person(1, "Zebra")))
    assert [*store.rows(back.version)] == people(600, person(1, "Zebra")).rows


def test_two_writers_at_once_make_one_version_each(store: SourceStore, source: str):
    contents = [people(300, person(i, f"writer {i}")) for i in (1, 2, 3, 3)]
    with ThreadPoolExecutor(4) as pool:
        stored = [*pool.map(lambda content: store.put(source, content), contents)]
    assert sorted({one.version.number for one in stored}) == [*range(1, len(store.versions(source)) + 1)]
    for one, content in zip(stored, contents, strict=True):
        assert [*store.rows(one.version)] == content.rows


class _Interrupted(list):
    """Rows of which one cannot be had when it is stored, once all were hashed."""

    def __getitem__(self, place):
        if place == 2_500:
            raise KeyboardInterrupt
        return super().__getitem__(place)


def test_a_put_that_ends_in_its_midst_leaves_the_version_before(store: SourceStore, source: str):
    before = store.put(source, people(10)).version
    with pytest.raises(KeyboardInterrupt):
        store.put(source, Content(PEOPLE, _Interrupted(people(3_000).rows)))
    assert store.versions(source) == [before]
    assert len(store.search("ada", source=source)) == 10
    whole = store.put(source, people(3_000)).version
    assert (whole.number, [*store.rows(whole)]) == (2, people(3_000).rows)


_PUT = """
import sys
from sheets_pipeline.database.engine import connect
from sheets_pipeline.sources.elasticsearch import ElasticsearchStore
from sheets_pipeline.sources.postgresql import PostgresqlStore
from sheets_pipeline_tests.sources.contents import people
kind, url, source = sys.argv[1:]
store = ElasticsearchStore(url) if kind == "ElasticsearchStore" else PostgresqlStore(connect(url))
content = people(4_000)
print("ready", flush=True)
store.put(source, content)
print("stored", flush=True)
"""


def test_a_process_that_is_killed_while_it_stores_leaves_no_half_version(opened: tuple[SourceStore, str], source: str):
    store, url = opened
    before = store.put(source, people(10)).version
    command = [sys.executable, "-c", _PUT, type(store).__name__, url, source]
    for seconds in (0.02, 0.15, 0.4):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()
        was_stored = "stored" in process.communicate()[0]
        versions = store.versions(source)
        assert len(versions) == 2 if was_stored else versions[-1:] == [before]
        for version in versions:
            assert len([*store.rows(version)]) == version.rows
        if len(versions) == 2:
            break
    whole = store.put(source, people(4_000)).version
    assert [*store.rows(whole)] == people(4_000).rows
    assert len(store.versions(source)) == 2


def test_rows_are_read_by_their_hashes(store: SourceStore, source: str):
    content = people(1_000, person(7, "Twin"))
    before = store.put(source, Content(PEOPLE, [*content.rows, content.rows[3]])).version
    assert store.row_ids(before) == [row_id(row) for row in [*content.rows, content.rows[3]]]
    ids = store.row_ids(before)
    assert store.rows_of(before, [ids[7], ids[3], ids[1_000]]) == [content.rows[7], content.rows[3], content.rows[3]]
    assert store.rows_of(before, []) == []
    after = store.put(source, people(999)).version
    difference = diff(store, before, after, ["id"])
    assert (len(difference.inserted), len(difference.deleted), len(difference.changed)) == (0, 2, 1)
    store.forget(source, keep=1)
    for read in (lambda: store.row_ids(before), lambda: store.rows_of(before, [ids[999]])):
        with pytest.raises(SourceProblem, match="version 1 is kept no longer"):
            read()
