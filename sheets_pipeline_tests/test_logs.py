"""Each line says what happened, in which run and tab; as JSON it can be parsed whatever happens."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline import logs
from sheets_pipeline.settings import Settings

logger = logging.getLogger("sheets_pipeline.test")


@pytest.fixture
def lines() -> Iterator[Any]:
    """Configures JSON logs; gives a function that returns the lines so far of tests here, parsed."""
    root, ours = logging.getLogger(), logging.getLogger("sheets_pipeline")
    before = (root.level, ours.level, list(root.handlers))
    stream = io.StringIO()
    outside = logs._fields.set({})  # a run within this process may have left its id
    logs.configure("json", "INFO", stream=stream)

    def written() -> list[Any]:
        """Threads that are left of other tests may write, too."""
        found = [json.loads(line) for line in stream.getvalue().splitlines()]
        return [line for line in found if line["logger"] in (logger.name, "some.library")]

    yield written
    root.setLevel(before[0])
    ours.setLevel(before[1])
    root.handlers[:] = before[2]
    logs._fields.reset(outside)


def test_a_line_is_one_json_object_with_time_level_message_and_fields(lines: Any) -> None:
    logger.info("%d rows\nin two lines", 3, extra={"rows": 3})
    [line] = lines()
    assert line["message"] == "3 rows\nin two lines"
    assert (line["level"], line["logger"], line["rows"]) == ("INFO", "sheets_pipeline.test", 3)
    assert line["time"].endswith("+00:00")


def test_run_and_tab_are_on_each_line_of_the_block_and_on_none_after_it(lines: Any) -> None:
    with logs.bound(run_id="r1"):
        with logs.bound(tab="people"):
            logger.info("inner")
        logger.info("outer")
    logger.info("after")
    result = [(line.get("run_id"), line.get("tab")) for line in lines()]
    assert result == [("r1", "people"), ("r1", None), (None, None)]


def test_fields_belong_to_their_own_thread(lines: Any) -> None:
    with logs.bound(run_id="r1"):
        other = threading.Thread(target=logger.info, args=("other",))
        other.start()
        other.join()
    assert "run_id" not in lines()[0]


def test_an_error_carries_its_kind_and_traceback_on_the_same_line(lines: Any) -> None:
    try:
        raise KeyError("x")
    except KeyError:
        logger.exception("It failed")
    [line] = lines()
    assert line["error"] == "KeyError"
    assert "test_logs.py" in line["traceback"]


@given(
    message=st.text(),
    value=st.one_of(
        st.text(st.characters()), st.integers(), st.floats(), st.binary(), st.lists(st.integers()), st.none()
    ),
)
def test_whatever_is_logged_is_one_parsable_line(message: str, value: object) -> None:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", "name": "a", "found": value})
    text = logs.JsonFormatter().format(record)
    assert "\n" not in text
    assert set(json.loads(text)) >= {"time", "level", "logger", "message", "found"}


def test_libraries_are_heard_from_warnings_on_and_ours_from_the_level_on(lines: Any) -> None:
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("careful")
    logger.debug("detail")
    logger.info("step")
    assert [line["message"] for line in lines()] == ["careful", "step"]


def test_configuring_twice_does_not_double_lines(lines: Any) -> None:
    again = io.StringIO()
    logs.configure("text", "INFO", stream=again)
    with logs.bound(tab="people"):
        logger.info("once")
    assert lines() == []
    [line] = [line for line in again.getvalue().splitlines() if "once" in line]
    assert line.endswith("sheets_pipeline.test: once [tab=people]")


def test_a_dagster_run_logs_json_with_its_run_id_and_step(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from sheets_pipeline.defs import running

    settings = Settings(_env_file=None, log_format="json")
    monkeypatch.setattr(running, "load_settings", lambda: settings)

    @dg.op
    def noisy(context: dg.OpExecutionContext) -> None:
        context.log.info("%d rows", 5)
        logger.warning("from a module")

    @dg.job(config=running.RUN_CONFIG, logger_defs={"console": running.CONSOLE}, executor_def=dg.in_process_executor)
    def job() -> None:
        noisy()

    result = job.execute_in_process()
    answer = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    by_message = {line["message"]: line for line in answer}
    assert by_message["5 rows"]["run_id"] == result.run_id
    assert by_message["5 rows"]["step"] == "noisy"
