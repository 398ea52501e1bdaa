"""Where the reflector sends to. A sink is one module here.

The module has `Options`, a dataclass of what can be set (see `options`), and `sink(options)`, which makes the sink without
calling anybody. A sink in AWS also has `permissions(options)`, what the function's role has to allow, and `own_log_groups(options)`,
the log groups that its service writes to. docs/SINKS.md builds one step by step.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, Literal, Protocol, TypeVar

from ..decode import LogEvent
from ..options import SettingsError, parsed
from ..records import with_request_ids

TYPES = tuple(sorted(module.name for module in iter_modules(__path__)))
"""The types that a configuration names: the sinks' modules. Only those that are used are imported."""

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one log stream, in order. `numbers` are their places in the payload, for the accounts."""

    owner: str
    log_group: str
    log_stream: str
    filters: tuple[str, ...]
    events: Sequence[LogEvent]
    numbers: Sequence[int]

    def only(self, positions: Sequence[int]) -> "Batch":
        """The events at these positions, each with the request id that it may owe to one that is left out."""
        events = with_request_ids(self.events)
        return replace(
            self,
            events=[events[position] for position in positions],
            numbers=[self.numbers[position] for position in positions],
        )


@dataclass(frozen=True, slots=True)
class Chunk(Generic[C]):
    """What is sent in one request: the positions in the batch of the events it carries, and what the sink makes of them."""

    positions: Sequence[int]
    content: C


@dataclass(frozen=True, slots=True)
class Refusal:
    """Events that the service would not take, whatever is tried: handed back without a request, with the reason."""

    positions: Sequence[int]
    reason: str


def sifted(reasons: Sequence[str]) -> tuple[Sequence[int], list[Refusal]]:
    """From what speaks against each event ("": nothing): the positions of those to be sent, and the refusals of the others."""
    if not any(reasons):  # nearly always
        return range(len(reasons)), []
    by_reason: dict[str, list[int]] = {}
    for position, reason in enumerate(reasons):
        by_reason.setdefault(reason, []).append(position)
    fit = by_reason.pop("", [])
    return fit, [Refusal(positions, reason) for reason, positions in by_reason.items()]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a chunk.

    * `accepted`: all of it.
    * `partly`: all but the events that are to be tried `again` and those that are `refused`, with why; both by their place in
      the chunk, from 0.
    * `again`: nothing, but another attempt may help, not before `retry_after` seconds.
    * `too_large`: nothing, and fewer events at once may help.
    * `unauthorized`: nothing, and a secret that was read anew may help.
    * `refused`: nothing, and nothing helps.
    """

    verdict: Literal["accepted", "partly", "again", "too_large", "unauthorized", "refused"]
    reason: str = ""
    retry_after: float = 0.0
    again: Sequence[int] = ()
    refused: Mapping[int, str] = field(default_factory=dict)


ACCEPTED = Outcome("accepted")


class Sink(Protocol[C]):
    """What delivery needs of a sink. One thread uses it at a time."""

    def chunks(self, batch: Batch) -> Iterator[Chunk[C] | Refusal]:
        """Requests that carry every event of the batch once, in order, within the service's limits; made one at a time."""

    def send(self, chunk: Chunk[C], timeout: float) -> Outcome:
        """Send it, within `timeout` seconds. What goes wrong on the way is an outcome and no exception."""

    def renew(self) -> bool:
        """Forget the secrets, so that they are read again. False when there are none that could have changed."""


def make(value: Any, place: str) -> Sink[Any]:
    """The sink that a configuration's object describes: `type` and its options. Raises SettingsError with the place."""
    if not isinstance(value, Mapping):
        raise SettingsError(f"{place}: must be an object with type and options.")
    options = dict(value)
    kind = options.pop("type", None)
    if not isinstance(kind, str) or kind not in TYPES:
        raise SettingsError(f"{place}.type: must be one of {', '.join(TYPES)}.")
    module = import_module(f".{kind}", __name__)
    made: Sink[Any] = module.sink(parsed(module.Options, options, place))
    return made


def needs(sinks: Any, what: Literal["permissions", "own_log_groups"]) -> list[Any]:
    """What all sinks of a configuration declare, each once. One that is no sink is passed over: it is refused elsewhere."""
    found: dict[Any, None] = {}
    for options in sinks.values() if isinstance(sinks, Mapping) else ():
        kind = options.get("type") if isinstance(options, Mapping) else None
        if kind in TYPES:
            declared = getattr(import_module(f".{kind}", __name__), what, None)
            found.update(dict.fromkeys(declared(options) if declared else ()))
    return list(found)
