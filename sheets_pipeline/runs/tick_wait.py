"""How long a sensor's tick may wait for events and still be over when the sensor's next turn comes.

Dagster passes over the turn of a sensor whose last tick is not over, and nobody looks for events until the one after that. What
Dagster does around our function takes 0.2 s on an idle machine and a second on a busy one, and nobody tells us how long it
took. So a turn that was missed shortens the wait, and each one that was not lengthens it a little.
"""

from dataclasses import dataclass

#: By so much, in seconds, and by so much at most.
_SHORTER, _LONGER, _MOST_SHORTER = 0.2, 0.01, 2.0

#: To submit a run takes so much longer than to ask for none, in seconds.
_SUBMITTING_SECONDS = 0.5


@dataclass(slots=True)
class TickWait:
    """Of one sensor, in the process that runs its ticks.

    Args:
        turn_seconds: From one turn to the next.
        most_seconds: Longest wait.
    """

    turn_seconds: float
    most_seconds: float
    _shorter_by: float = 0.0
    _began: float | None = None
    _has_waited: bool = False

    @property
    def seconds(self) -> float:
        """How long a tick waits now."""
        return self.most_seconds - self._shorter_by

    def begin(self, now: float) -> float:
        """A tick begins; ``now`` is of a clock that nobody sets. Gives the moment until which it may wait."""
        if self._has_waited and self._began is not None:
            turns = (now - self._began) / self.turn_seconds
            if 1.5 < turns < 2.5:
                self._shorter_by = min(self._shorter_by + _SHORTER, _MOST_SHORTER)
            elif turns <= 1.5:
                self._shorter_by = max(0.0, self._shorter_by - _LONGER)
        self._began, self._has_waited = now, False
        return now + self.seconds

    def has_waited(self) -> None:
        """The tick has waited for as long as it might, and asks for no run."""
        self._has_waited = True

    def seconds_to_next_look(self, now: float) -> float:
        """From the tick's begin to when somebody looks again for sure: a run that it asks for now stays so long."""
        is_late = self._began is not None and now - self._began > self.seconds - _SUBMITTING_SECONDS
        return self.turn_seconds * (2 if is_late else 1)
