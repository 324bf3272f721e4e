"""When a process under ``sheets-pipeline dev`` is to be replaced: decided from what was seen of it, without any I/O."""

from dataclasses import dataclass, field
from enum import StrEnum

#: A process that answers, but cannot do its work, is given this long to recover (a reload takes a moment), in seconds.
BROKEN_SECONDS = 2.0
#: One that does not answer at all may be waiting for the processor.
SILENT_SECONDS = 15.0
#: Longest time from a process's start to its first answer.
START_SECONDS = 180.0
#: Pause between two starts of a process that ends before it ever answers: doubled each time, up to the longest.
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


class Answer(StrEnum):
    """What a look at a process found."""

    OK = "ok"
    ABSENT = "is not there"
    BROKEN = "cannot do its work"
    SILENT = "does not answer"


class Step(StrEnum):
    """What to do about a process."""

    LEAVE = "leave"
    REPLACE = "replace"
    GIVE_UP = "give up"


@dataclass
class Watched:
    """What has been seen of one child; times in seconds of one clock that never jumps."""

    started_at: float
    #: Whether everything ends where it cannot even start once.
    is_essential: bool = True
    is_ready: bool = False
    was_ever_ready: bool = False
    #: Starts in a row after which it ended without ever answering.
    failed_starts: int = 0
    #: Since when it has not done its work, and how that shows.
    failing_since: float | None = None
    failing: Answer = field(default=Answer.OK)

    def restarted(self, now: float) -> None:
        """A new process has taken its place."""
        self.failed_starts = 0 if self.is_ready else self.failed_starts + 1
        self.started_at, self.is_ready, self.failing_since, self.failing = now, False, None, Answer.OK

    def saw(self, answer: Answer, now: float) -> None:
        """Take note of one look at it."""
        if answer is Answer.OK:
            self.is_ready = self.was_ever_ready = True
            self.failing_since, self.failing = None, Answer.OK
        elif answer is not self.failing:
            self.failing_since, self.failing = now, answer

    def next_step(self, exit_code: int | None, now: float) -> tuple[Step, str]:
        """What to do now, and why in words.

        Args:
            exit_code: Of the process; None while it runs, negative where a signal ended it.
            now: By the same clock as the other times.
        """
        if exit_code is not None:
            return self._after_end(exit_code, now)
        if not self.is_ready and now - self.started_at > START_SECONDS:
            return Step.REPLACE, f"is not ready after {START_SECONDS:.0f} s"
        if self.failing_since is not None and now - self.failing_since >= self._patience():
            return Step.REPLACE, f"{self.failing} (for {now - self.failing_since:.0f} s)"
        return Step.LEAVE, ""

    def _patience(self) -> float:
        """How long it may go on failing as it does."""
        if self.failing is Answer.SILENT:
            return SILENT_SECONDS
        if self.is_ready:
            return BROKEN_SECONDS
        return START_SECONDS if self.failing is Answer.ABSENT else BROKEN_SECONDS + self._pause()

    def _pause(self) -> float:
        """Time between two starts of one that never answers."""
        return 0.0 if self.is_ready else min(FIRST_PAUSE_SECONDS * 2.0**self.failed_starts, LONGEST_PAUSE_SECONDS)

    def _after_end(self, exit_code: int, now: float) -> tuple[Step, str]:
        how = f"ended by itself with exit code {exit_code}"
        if self.is_essential and not self.was_ever_ready and exit_code > 0:
            return Step.GIVE_UP, how
        return (Step.REPLACE, how) if now - self.started_at >= self._pause() else (Step.LEAVE, how)
