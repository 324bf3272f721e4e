"""How long a run of the event sync stays, to write what comes after the events that it was started for.

Where people submit quizzes, the next one is near; to start another run for it takes longer than all the rest, and most of
the processor's time. But a run that never ended nobody could see the result of, cancel or retry.
"""

#: After the last event.
IDLE_SECONDS = 10.0

#: After the next tick of the sensor, whatever comes.
LONGEST_SECONDS = 60.0


def stays_until(next_tick: float, last_event: float) -> float:
    """When a run ends that no further event comes for.

    Args:
        next_tick: When somebody else looks for events for sure, in seconds since 1970: it stays at least until then.
        last_event: When it last took any.
    """
    return max(next_tick, min(last_event + IDLE_SECONDS, next_tick + LONGEST_SECONDS))
