# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The protocol between the delivery and the sinks. Each module in this folder is one type of sink.

A sink module has

* `Options`, a dataclass of its options (see `reflector.options`),
* `sink(options)`, which returns the `Sink` and calls nobody,
* `permissions(options)`, if the function's role needs permissions for it: see `no_permissions`,
* `own_log_groups(options)`, if its service writes logs to CloudWatch itself: see `no_log_groups`.

docs/SINKS.md builds one step by step.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any, Generic, Literal, Protocol, TypeVar

from ..decode import LogEvent
from ..options import SettingsError, parsed

TYPES = tuple(
    sorted(
        name.removesuffix(".py")
        for name in os.listdir(os.path.dirname(__file__))
        if name.endswith(".py") and not name.startswith("_")
    )
)
"""The types of sinks, which are the modules in this folder. Only modules in use are imported."""

C = TypeVar("C")
Permission = tuple[str, str]
"""An IAM action, and the ARN of the resource that it is allowed for."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one log stream, in order. `numbers` are their positions in the payload, for the accounting."""

    owner: str
    log_group: str
    log_stream: str
    filters: tuple[str, ...]
    events: Sequence[LogEvent]
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Chunk(Generic[C]):
    """The content of one request, and the positions of its events in the batch."""

    positions: Sequence[int]
    content: C


@dataclass(frozen=True, slots=True)
class Refusal:
    """Events that the service would never accept. They are handed back with the reason, without a request."""

    positions: Sequence[int]
    reason: str


def split_refused(reasons: Sequence[str]) -> tuple[Sequence[int], list[Refusal]]:
    """Split events by the reason against sending each ("": none): the positions to send, and the refusals."""
    if not any(reasons):  # nearly always
        return range(len(reasons)), []
    by_reason: dict[str, list[int]] = {}
    for position, reason in enumerate(reasons):
        by_reason.setdefault(reason, []).append(position)
    to_send = by_reason.pop("", [])
    return to_send, [Refusal(positions, reason) for reason, positions in by_reason.items()]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of sending a chunk.

    * `accepted`: the service has all events.
    * `partial`: it has all events but those in `retry` and in `refused`, which maps each to a reason. Both hold positions
      in the chunk, from 0.
    * `retry`: it has none; a retry may help, at the earliest after `retry_after` seconds.
    * `too_large`: it has none; sending fewer events at once may help.
    * `unauthorized`: it has none; reading the secrets again may help.
    * `refused`: it has none, and nothing helps.
    """

    verdict: Literal["accepted", "partial", "retry", "too_large", "unauthorized", "refused"]
    reason: str = ""
    retry_after: float = 0.0
    retry: Sequence[int] = ()
    refused: Mapping[int, str] = field(default_factory=dict)


ACCEPTED = Outcome("accepted")


class Sink(Protocol[C]):
    """A sink, as the delivery uses it. One thread uses it at a time."""

    def chunks(self, batch: Batch) -> Iterator[Chunk[C] | Refusal]:
        """Yield requests, one at a time, that hold each event of the batch once, in order, within the service's limits."""

    def send(self, chunk: Chunk[C], timeout: float) -> Outcome:
        """Send the request within `timeout` seconds. An error is an outcome, not an exception."""

    def renew(self) -> bool:
        """Forget the secrets, so that they are read again. Return False if no secret can have changed."""


def no_permissions(options: Mapping[str, Any]) -> list[Permission]:  # noqa: ARG001
    """Return the permissions that the function's role needs for a sink with these options.

    `options` are plain values that nobody has checked. `{partition}` and `{account}` are placeholders for those of the
    function. One role serves all regions of an account, so a region that is not given is `*`. This default needs nothing.
    """
    return []


def no_log_groups(options: Mapping[str, Any]) -> list[str]:  # noqa: ARG001
    """Return names and patterns of the log groups that the sink's service writes to. `options` as in `no_permissions`.

    Subscribing one of them would create a loop: each delivered event could cause the next one. This default has none.
    """
    return []


def sink_module(kind: Any) -> ModuleType | None:
    """Return the module of that type of sink, None if there is no such type."""
    return import_module(f".{kind}", __name__) if isinstance(kind, str) and kind in TYPES else None


def make(value: Any, place: str) -> Sink[Any]:
    """Return the sink for an object of the configuration: `type` and its options. Raises SettingsError with the place."""
    if not isinstance(value, Mapping):
        raise SettingsError(f"{place}: must be an object with type and options.")
    options = dict(value)
    module = sink_module(options.pop("type", None))
    if module is None:
        raise SettingsError(f"{place}.type: must be one of {', '.join(TYPES)}.")
    made: Sink[Any] = module.sink(parsed(module.Options, options, place))
    return made
