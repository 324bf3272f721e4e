"""What ``benchmarks.scale`` plans for, and what work costs."""

from dataclasses import dataclass, replace

TABS = 4

#: What Google grants in a minute, of each kind. Source: https://developers.google.com/workspace/sheets/api/limits
PER_CREDENTIAL, PER_PROJECT = 60, 300


@dataclass(frozen=True)
class Plan:
    """So many spreadsheets of four tabs, who reaches them, and what comes in.

    Attributes:
        rows: Of each tab.
        projects: Google's, which have equally many of the credentials.
        per_second: Submissions; each shows in one row of each of the four tabs of one spreadsheet.
    """

    spreadsheets: int = 1000
    rows: int = 2000
    credentials: int = 20
    projects: int = 4
    per_second: float = 200.0

    def part(self, divisor: int) -> "Plan":
        """The same, so many times smaller; rows stay, and there is at least one project."""
        return replace(
            self,
            spreadsheets=self.spreadsheets // divisor,
            credentials=self.credentials // divisor,
            projects=max(1, self.projects // divisor),
            per_second=self.per_second / divisor,
        )

    @property
    def granted_per_minute(self) -> int:
        """Requests of each kind."""
        return min(self.credentials * PER_CREDENTIAL, self.projects * PER_PROJECT)


@dataclass(frozen=True)
class Cost:
    """Of some work: processor seconds of the process that runs it and of the database, and transactions."""

    pipeline: float = 0.0
    database: float = 0.0
    transactions: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.pipeline + other.pipeline, self.database + other.database, self.transactions + other.transactions
        )

    def __mul__(self, times: float) -> "Cost":
        return Cost(self.pipeline * times, self.database * times, self.transactions * times)

    def __sub__(self, other: "Cost") -> "Cost":
        """What is left; never less than nothing."""
        less = self + other * -1
        return Cost(max(0.0, less.pipeline), max(0.0, less.database), max(0.0, less.transactions))


@dataclass(frozen=True)
class Costs:
    """What was measured.

    Attributes:
        round: Of events, whatever it touches.
        spreadsheet: Its four tabs, in such a round.
        submission: One more, in such a round.
        look: Once more at the budget, while there is no room.
        full: A spreadsheet in a full sync that finds nothing changed.
        latency_seconds: Of a request.
        reads: Of a spreadsheet in a round of events; more than one where its tabs do not keep step and share none ...
        writes: ... and its writes.
        commit: A submission where the application makes it, with our triggers.
        standing: A second in which nothing comes in: what daemon, sensors and heartbeats do, and to look for events.
    """

    round: Cost
    spreadsheet: Cost
    submission: Cost
    look: Cost
    full: Cost
    latency_seconds: float
    reads: float = 1.0
    writes: float = 1.0
    commit: Cost = Cost()
    standing: Cost = Cost()


def costs_of_rounds(
    few: Cost, few_number: int, many: Cost, number: int, full: Cost, each: int
) -> tuple[Cost, Cost, Cost]:
    """Of a round, of a spreadsheet and of a submission, from three rounds.

    Args:
        few: Cost of a round of one submission in each of a few spreadsheets ...
        many: ... in each of many ...
        full: ... and of ``each`` submissions in each of these.
    """
    spreadsheet = (many - few) * (1 / (number - few_number))
    submission = (full - many) * (1 / (number * (each - 1)))
    spreadsheet = spreadsheet - submission
    return few - (spreadsheet + submission) * few_number, spreadsheet, submission
