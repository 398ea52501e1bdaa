"""Where the reflector sends to. A sink is one module here, with one class that fits `Sink`."""

from collections.abc import Iterator
from typing import Protocol

from ..decode import Payload
from ..delivery import Connection, Request


class Sink(Protocol):
    """What delivery needs of a sink."""

    @property
    def connection(self) -> Connection:
        """The connection to it, kept alive across invocations."""

    def requests(self, payload: Payload) -> Iterator[Request]:
        """The requests that carry every event of the payload once, in order, made one at a time."""
