"""``python -m benchmarks.trigger_cost``: what the triggers cost 50 sessions that submit to the same course at once.

``pgbench`` submits as fast as the server can, so that every microsecond counts: the barest possible submission, and one
that first reads the learner, the quiz, the enrolment and earlier answers; then the latter at a steady rate. Phases with and without triggers alternate;
the first seconds of each, in which sessions fill their caches, are left out. Writes docs/measured/benchmarks-triggers.md.
"""

import argparse
import os
import re
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.environment import MEASURED, output_folder
from benchmarks.machine import machine
from benchmarks.own_postgres import own_postgres
from sheets_pipeline.database import triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.embedded.account import installed_programs
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.platform.demo import generate
from sheets_pipeline.platform.watches import WATCHED

_WARM_UP_SECONDS = 5

#: As a production server of some gigabytes has them: no phase meets a checkpoint.
_SERVER = {"shared_buffers": "1GB", "max_wal_size": "8GB", "min_wal_size": "2GB", "checkpoint_timeout": "30min"}
_ANSWER = "an answer of some length, as learners write them"

_SUBMIT = (
    "INSERT INTO quiz_responses (user_id, quiz_id, score, passed, submitted_at, answer) "
    f"VALUES (:user, {{quiz}}, 80, true, now(), '{_ANSWER}');\n"
)
_LOOK_UPS = """SELECT id, full_name, email FROM users WHERE id = :user;
SELECT id, course_id, title FROM quizzes WHERE id = {quiz};
SELECT id FROM enrollments WHERE user_id = :user AND course_id = {course};
SELECT count(*) FROM quiz_responses WHERE user_id = :user AND quiz_id = {quiz};
"""
SUBMISSIONS = {
    "one `INSERT`, nothing else": _SUBMIT,
    "four look-ups and the `INSERT` in one transaction": f"BEGIN;\n{_LOOK_UPS}{_SUBMIT}COMMIT;\n",
}
#: Submissions a second of the steady phases, far from what the server can do.
_STEADY = 500


@dataclass
class Pairs:
    """Submissions a second, or milliseconds of one, in phases that followed each other."""

    without: list[float] = field(default_factory=list)
    with_triggers: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """With triggers / without, pair by pair."""
        return [one / other for one, other in zip(self.with_triggers, self.without, strict=True)]


class Bench:
    """A server of its own with the demo platform."""

    def __init__(self, server: Server, arguments: argparse.Namespace, folder: Path) -> None:
        self.server, self.arguments, self.folder = server, arguments, folder
        self.engine = connect(server.url("postgres"))
        generate(self.engine)
        with self.engine.connect() as connection:
            query = (
                "SELECT id AS quiz, course_id AS course FROM quizzes WHERE course_id IS NOT NULL ORDER BY id LIMIT 1"
            )
            self.names = dict(connection.execute(sa.text(query)).mappings().one())
            self.users = connection.execute(sa.text("SELECT min(id), max(id) FROM users")).one()

    def phase(self, submission: str, *, with_triggers: bool, steady: bool = False) -> float:
        """Submissions a second, or milliseconds of one from when it was due; from the same state each time."""
        self._reset(with_triggers=with_triggers)
        script = self.folder / "submission.sql"
        low, high = self.users
        script.write_text(f"\\set user random({low}, {high})\n" + submission.format(**self.names))
        command = [
            *(str(installed_programs() / "pgbench"), "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "postgres"),
            *("-n", "-M", "prepared", "-c", str(self.arguments.sessions), "-j", "2", "-P", str(_WARM_UP_SECONDS)),
            *("-T", str(self.arguments.seconds + _WARM_UP_SECONDS + 1), "-f", str(script)),
            *(("-R", str(_STEADY)) if steady else ()),
            "postgres",
        ]
        environment = os.environ | {"PGPASSWORD": self.server.password}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        wanted = r"progress: .*? lat ([\d.]+) ms" if steady else r"progress: .*? ([\d.]+) tps"
        result = [float(number) for number in re.findall(wanted, done.stderr)]
        if done.returncode or len(result) < 2:
            raise SystemExit(f"pgbench failed: {done.stderr[-500:]}")
        return statistics.mean(result[1:])

    def _reset(self, *, with_triggers: bool) -> None:
        triggers.install(self.engine, WATCHED)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("DELETE FROM quiz_responses WHERE answer = :answer"), {"answer": _ANSWER})
            connection.execute(sa.text(f"TRUNCATE {pending_event.name}"))
            if not with_triggers:
                triggers.remove(self.engine)
            for statement in ("VACUUM ANALYZE quiz_responses", "CHECKPOINT"):
                connection.exec_driver_sql(statement)


def measure(bench: Bench, rounds: int) -> dict[str, Pairs]:
    """Pairs of phases for each kind of submission; who goes first changes from round to round."""
    kinds = [(name, submission, False) for name, submission in SUBMISSIONS.items()]
    name, submission, _ = kinds[-1]
    kinds.append((f"the same, {_STEADY} a second", submission, True))
    found = {name: Pairs() for name, _, _ in kinds}
    for number in range(rounds):
        for name, submission, steady in kinds:
            for with_triggers in (number % 2 == 0, number % 2 == 1):
                rate = bench.phase(submission, with_triggers=with_triggers, steady=steady)
                pairs = found[name]
                (pairs.with_triggers if with_triggers else pairs.without).append(rate)
            print(f"round {number + 1}, {name}: {found[name].ratios[-1] - 1:+.1%}", flush=True)
    return found


def render(about: dict[str, Any], arguments: argparse.Namespace, found: dict[str, Pairs]) -> str:
    """The report as Markdown."""
    lines = [
        "# What triggers cost the application",
        "",
        f"Made by `python -m benchmarks.trigger_cost` on {about['date']}: {about['cores']} cores, "
        f"{about['memory_gib']} GiB, {about['system']}, load {about['load']} at the start. {arguments.sessions} `pgbench` "
        "sessions on the same machine submit to one course, as fast as the server can or at a steady rate; PostgreSQL 18 with "
        f"{', '.join(f'{name} {value}' for name, value in _SERVER.items())}. Medians of {arguments.rounds} phases of {arguments.seconds} s, after {_WARM_UP_SECONDS} s of warm-up; "
        "the change is the median of pairs that followed each other, with the range of all pairs.",
        "",
        "| a submission is | without | with triggers | change |",
        "|---|---:|---:|---:|",
    ]
    for name, pairs in found.items():
        ratios = pairs.ratios
        change = f"{statistics.median(ratios) - 1:+.1%} ({min(ratios) - 1:+.1%} to {max(ratios) - 1:+.1%})"
        without, with_triggers = (statistics.median(rates) for rates in (pairs.without, pairs.with_triggers))
        unit = "{:.2f} ms" if name.endswith("a second") else "{:,.0f}/s"
        lines.append(f"| {name} | {unit.format(without)} | {unit.format(with_triggers)} | {change} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trigger_cost", description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=10, help="of each phase, after warm-up (default: %(default)s)")
    parser.add_argument("--output", type=output_folder, default=MEASURED, help="folder of the report")
    arguments = parser.parse_args()
    about = machine()
    with own_postgres("trigger-cost", _SERVER) as (folder, server):
        bench = Bench(server, arguments, folder)
        page = render(about, arguments, measure(bench, arguments.rounds))
        bench.engine.dispose()
    (arguments.output / "benchmarks-triggers.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
