"""``local-sheets replay DIR``: plays recordings and reports."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from local_sheets.replay.exchange import Recording
from local_sheets.replay.play import Outcome, Tally, play
from local_sheets.replay.recordings import find_recordings, load
from local_sheets.replay.secrets import Striker

_MOST_LINES = 12


def new_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="local-sheets replay",
        description="Play recordings of the Google Sheets and Drive APIs to a fresh Local Sheets, and say for each request "
        "whether the answer is the recorded one. Takes cassettes of VCR.py, betamax, go-vcr, EasyVCR and VCR of Ruby, R and PHP, "
        "recordings of nock, responses and Go's httpreplay, WireMock's mappings and HAR files. Secrets are struck out of all that is printed. The exit code is 0 "
        "when all answers are the same, 1 when some differ, 2 when there is nothing to play.",
    )
    parser.add_argument("place", type=Path, metavar="DIR", help="folder with recordings, or one of them")
    parser.add_argument("--all", action="store_true", help="print also what is the same and what is left out")
    parser.add_argument(
        "--strike",
        type=Path,
        metavar="OUT",
        help="only write copies of the recordings without tokens, keys and cookies into this folder, to be handed on",
    )
    parser.add_argument("--strike-emails", action="store_true", help="strike out e-mail addresses, too")
    parser.add_argument("--counts", type=Path, metavar="FILE", help="write how many were the same, by method, as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    parser = new_parser()
    given = parser.parse_args(arguments)
    if not given.place.exists():
        parser.error(f"{given.place} is not there.")
    recordings, others = find_recordings(given.place)
    if not recordings:
        parser.error(
            f"{given.place} has no recording of a form that is known ({len(others)} other files): see --help for the forms."
        )
    striker = Striker(emails=given.strike_emails)
    if given.strike is not None:
        return _strike(recordings, given.place, given.strike, striker)
    code = _replay(recordings, given.place, striker, given.counts, show_all=given.all)
    if others:
        _say(f"{len(others)} other files are no recordings of a form that is known.")
    return code


def _replay(
    recordings: Sequence[Recording], place: Path, striker: Striker, counts: Path | None, *, show_all: bool
) -> int:
    tally = Tally()
    for recording in recordings:
        outcomes = _played(recording)
        for outcome in outcomes:
            tally.add(outcome)
        shown = [outcome for outcome in outcomes if show_all or outcome.differences]
        if shown:
            name = recording.path.relative_to(place) if recording.path != place else recording.path.name
            _say(striker.text(f"\n{name}"))
            for outcome, before in zip(shown, [None, *shown], strict=False):
                _say(striker.text(_report(outcome, before)))
    _say(_summary(len(recordings), tally))
    if counts is not None:
        counts.write_text(json.dumps(tally.as_json(), indent=2) + "\n")
    return 1 if tally.words["different"] else 0


def _played(recording: Recording) -> list[Outcome]:
    """How each exchange went, up to one that is in no order that we know; what is in it is not told, as it may be secret."""
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(play(recording))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        number = len(outcomes) + 1
        told = f"cannot be played, nor any after it: its form is not known ({type(error).__name__})"
        outcomes.append(Outcome(recording.path, number, recording.exchanges[number - 1], differences=(told,)))
    return outcomes


def _report(outcome: Outcome, before: Outcome | None) -> str:
    reason = f" ({outcome.left_out})" if outcome.left_out else ""
    lines = [f"  {outcome.number:3} {outcome.word:9}{reason} {outcome.exchange.method} {outcome.exchange.path}"]
    if before is not None and outcome.differences and outcome.differences == before.differences:
        return f"{lines[0]}\n        as before"
    lines += [f"        {difference}" for difference in outcome.differences[:_MOST_LINES]]
    if len(outcome.differences) > _MOST_LINES:
        lines.append(f"        and {len(outcome.differences) - _MOST_LINES} more")
    return "\n".join(lines)


def _summary(recordings: int, tally: Tally) -> str:
    words = tally.words
    text = f"\n{recordings} recordings: {words['same']} answers are the same, {words['different']} differ"
    if tally.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(tally.left_out.items()))
        text += f"; left out: {reasons}"
    return f"{text}."


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


# -- copies without secrets


def _strike(recordings: Sequence[Recording], place: Path, out: Path, striker: Striker) -> int:
    for recording in recordings:
        name = recording.path.relative_to(place) if recording.path != place else Path(recording.path.name)
        target = out / striker.text(str(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_written(striker.tree(load(recording.path)), target), encoding="utf-8")
    _say(
        f"{len(recordings)} recordings were written to {out} without their secrets. Look them through before you hand them on."
    )
    return 0


def _written(document: Any, target: Path) -> str:
    if target.suffix.lower() in (".yaml", ".yml"):
        return str(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120))
    return json.dumps(document, indent=2, ensure_ascii=False, default=lambda content: content.decode("latin-1")) + "\n"
