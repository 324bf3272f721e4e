"""How a launcher and its warm process talk: lines of JSON over a pair of connected sockets.

The launcher closes its end by closing it or by dying, however it dies, and the warm process then ends too.
"""

import json
import socket
from typing import Any

#: A line longer than this is no message of ours.
_LONGEST_MESSAGE = 10_000_000


class ChannelClosed(ConnectionError):
    """The other end is gone, or does not answer in time."""


class Channel:
    """One end."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._received = bytearray()

    def fileno(self) -> int:
        """So that ``select`` can wait for a message."""
        return self.socket.fileno()

    @property
    def has_message(self) -> bool:
        """Whether a message has already been received with an earlier one; ``select`` would not tell."""
        return b"\n" in self._received

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; waits as long as the last ``receive`` would have.

        Raises:
            ChannelClosed: Nobody is there to receive it.
        """
        try:
            self.socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise ChannelClosed(str(error)) from error

    def receive(self, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Wait for one message.

        Raises:
            ChannelClosed: The other end closed, or nothing came in time.
        """
        try:
            self.socket.settimeout(timeout_seconds)
            while b"\n" not in self._received:
                part = self.socket.recv(65536)
                if not part or len(self._received) > _LONGEST_MESSAGE:
                    raise ChannelClosed("the other end closed the connection")
                self._received += part
        except OSError as error:
            raise ChannelClosed(str(error) or type(error).__name__) from error
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        """Close this end."""
        self.socket.close()
