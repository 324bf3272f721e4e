"""Tells channels of changes: POSTs that come a while after the change, several changes in one, as Google's do.

Delivery is tried again after answers of 500, 502, 503, 504 and after none; any other answer ends it. What was sent is listed.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from local_sheets.drive import permissions
from local_sheets.drive.channels import Channel
from local_sheets.drive.events import Event
from local_sheets.drive.kept import Kept

#: Google's come seconds to minutes later, and once for what happened meanwhile.
AFTER_SECONDS = 10.0
RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
TIMEOUT_SECONDS = 10.0
MOST_LISTED = 1000
_MOST_AT_ONCE = 16
_TRY_AGAIN = (500, 502, 503, 504)

#: Sends a message's headers to an address and gives the answer's status, 0 where there was none.
Post = Callable[[str, dict[str, str]], int]
#: Whether a message is to be lost, and how many seconds later it is to come; see ``server/faults.py``.
Spoil = Callable[[], tuple[bool, float]]


@dataclass(slots=True)
class Message:
    """One notification. ``status`` is the last answer's: 0 none, -1 lost on purpose, None not sent yet."""

    channel: Channel
    number: int
    state: str
    changed: tuple[str, ...] = ()
    due: float = 0.0
    tries: int = 0
    status: int | None = None

    def headers(self) -> dict[str, str]:
        """As Google sends them; the body is empty."""
        channel = self.channel
        found = {
            "Content-Type": "application/json; utf-8",
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Expiration": formatdate(channel.expiration_ms / 1000, usegmt=True),
            "X-Goog-Resource-ID": channel.resource_id,
            "X-Goog-Resource-URI": channel.resource_uri,
            "X-Goog-Resource-State": self.state,
            "X-Goog-Message-Number": str(self.number),
        }
        if channel.token:
            found["X-Goog-Channel-Token"] = channel.token
        if self.changed:
            found["X-Goog-Changed"] = ",".join(self.changed)
        return found


@dataclass(slots=True)
class _Queue:
    """What waits for one channel, oldest first."""

    messages: deque[Message] = field(default_factory=deque)
    is_busy: bool = False


class Notifier:
    """The channels of a data folder and what is on its way to them. ``after_seconds`` may be changed at any time."""

    def __init__(self, channels: Kept, *, after_seconds: float = AFTER_SECONDS, spoil: Spoil = lambda: (False, 0.0)):
        self._kept = channels
        self._channels = {key: Channel(**entry) for key, entry in channels.entries().items()}
        self.after_seconds = after_seconds
        self._spoil = spoil
        self._queues: dict[str, _Queue] = {}
        self._sent: deque[Message] = deque(maxlen=MOST_LISTED)
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False

    # -- channels

    def __contains__(self, channel_id: str) -> bool:
        channel = self._channels.get(channel_id)
        return channel is not None and not channel.is_over

    def add(self, channel: Channel) -> None:
        """Keep a channel and tell it that it is there."""
        self._forget(*[key for key, known in self._channels.items() if known.is_over])
        self._kept.put(channel.id, channel.as_json())
        with self._wake:
            self._channels[channel.id] = channel
            self._enqueue(Message(channel, 1, "sync"))

    def remove(self, channel_id: str, resource_id: str, caller: str | None) -> bool:
        """End a channel; False when there is none of this caller's."""
        channel = self._channels.get(channel_id)
        if channel is None or channel.resource_id != resource_id or channel.caller != caller or channel.is_over:
            return False
        self._forget(channel_id)
        return True

    def _forget(self, *channel_ids: str) -> None:
        if channel_ids:
            self._kept.delete(*channel_ids)
            with self._wake:
                for channel_id in channel_ids:
                    self._channels.pop(channel_id, None)
                    self._queues.pop(channel_id, None)

    # -- what is to be told

    @property
    def has_channels(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._channels)

    def tell(self, event: Event) -> None:
        """Tell the channels that an event is for, soon."""
        with self._wake:
            for channel in list(self._channels.values()):
                message = _message(channel, event)
                if message is not None and not channel.is_over:
                    message.due = time.monotonic() + self.after_seconds
                    self._enqueue(message)

    def _enqueue(self, message: Message) -> None:
        """Add a message; one that says the same as the last one waiting becomes part of it."""
        queue = self._queues.setdefault(message.channel.id, _Queue())
        last = queue.messages[-1] if queue.messages else None
        if last is not None and last.state == message.state and not last.tries and last.state in ("update", "change"):
            last.number = message.number
            last.changed = tuple(dict.fromkeys((*last.changed, *message.changed)))
        else:
            queue.messages.append(message)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="drive-notifier", daemon=True)
            self._thread.start()
        self._wake.notify_all()

    def deliver_now(self) -> None:
        """Send at once what waits."""
        with self._wake:
            for queue in self._queues.values():
                for message in queue.messages:
                    message.due = 0.0
            self._wake.notify_all()

    def state(self) -> dict[str, Any]:
        """Channels, and messages that wait and that were sent, oldest first."""
        with self._wake:
            waiting = [message for queue in self._queues.values() for message in queue.messages]
            return {
                "afterSeconds": self.after_seconds,
                "channels": [channel.resource() for channel in self._channels.values() if not channel.is_over],
                "waiting": [_as_json(message) for message in waiting],
                "sent": [_as_json(message) for message in self._sent],
            }

    def stop(self) -> None:
        """End; what still waits is given up."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()

    # -- in the background

    def _work(self) -> None:
        with self._wake:
            while not self._stopped:
                now = time.monotonic()
                ready = [queue for queue in self._queues.values() if queue.messages and not queue.is_busy]
                free = max(0, _MOST_AT_ONCE - sum(queue.is_busy for queue in self._queues.values()))
                for queue in [queue for queue in ready if queue.messages[0].due <= now][:free]:
                    queue.is_busy = True
                    work = threading.Thread(target=self._deliver, args=(queue, queue.messages.popleft()), daemon=True)
                    work.start()
                later = [queue.messages[0].due for queue in ready if not queue.is_busy and queue.messages[0].due > now]
                self._wake.wait(min(later) - now if later else None)  # whoever is done wakes us for those that are due

    def _deliver(self, queue: _Queue, message: Message) -> None:
        is_lost, late = self._spoil() if message.state != "sync" and not message.tries else (False, 0.0)
        time.sleep(late)
        message.tries += 1
        message.status = -1 if is_lost else post(message.channel.address, message.headers())
        with self._wake:
            again = message.status == 0 or message.status in _TRY_AGAIN
            if again and message.tries <= len(RETRY_SECONDS):
                message.due = time.monotonic() + RETRY_SECONDS[message.tries - 1]
                queue.messages.appendleft(message)
            else:
                self._sent.append(message)
            queue.is_busy = False
            self._wake.notify_all()


def _message(channel: Channel, event: Event) -> Message | None:
    """What a channel is told of an event, if anything."""
    number = event.number + 1
    saw = permissions.is_listed_for(event.before, channel.caller) if event.before else False
    sees = permissions.is_listed_for(event.after, channel.caller) if event.after else False
    if channel.file_id is None:
        return Message(channel, number, "change") if saw or sees else None
    if channel.file_id in event.folders:
        return Message(channel, number, "update", ("children",))
    if channel.file_id != event.file_id:
        return None
    if event.before and permissions.role_of(event.after, channel.caller) is None:
        return Message(channel, number, "remove")
    return Message(channel, number, event.state, event.changed)


def _as_json(message: Message) -> dict[str, Any]:
    return {
        "address": message.channel.address,
        "headers": message.headers(),
        "tries": message.tries,
        "status": message.status,
    }


def post(address: str, headers: dict[str, str]) -> int:
    """Send one message; gives the answer's status, 0 where there was none."""
    import requests  # here, so that a server without channels starts faster

    try:
        sent = {name: text.encode() for name, text in headers.items()}
        answer = requests.post(address, headers=sent, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except (requests.RequestException, ValueError):  # the latter for addresses that nobody can be reached at
        return 0
    return answer.status_code
