# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run over one target: resources in order, their changes and diffs as one result."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from .._errors import ReflectorError
from .._plan import Resource, Result, converge, outcome
from .._session import Target

_MERGED = ("changes", "diff", "warnings")
_NAMED = (
    "alarm",
    "parameter",
    "queue",
    "rule",
)  # a part may have several of these, so their facts have the resource's name


class Run:
    """Collects what the parts did on a target.

    result   changed, changes and diff of all parts so far, and one entry for each part
    _read    what was read of each resource since the last write; a write may concern any of them
    """

    def __init__(self, target: Target, *, check_mode: bool) -> None:
        self.target = target
        self.check_mode = check_mode
        self.result: Result = {**outcome(()), "warnings": []}
        self._read: dict[Resource, Any] = {}

    def read_ahead(self, *parts: Mapping[str, Resource]) -> None:
        """Read the resources of several parts concurrently, so that `converge` need not read them one part after another."""
        resources = [resource for part in parts for resource in part.values() if resource not in self._read]
        with self.keeping_changes():
            read = self.target.together(*(resource.read for resource in resources))
        self._read.update(zip(resources, read, strict=True))

    def check_plans(self, *parts: Mapping[str, Resource]) -> None:
        """Raise what `converge` would stop with, before the first write: a foreign resource, a policy that is too long.

        The parts must be read ahead, so this makes no call. The error names all of them.
        """
        errors: list[ReflectorError] = []
        for part in parts:
            for resource in part.values():
                try:
                    resource.plan(self._read[resource])
                except ReflectorError as error:
                    errors.append(error)
        if not errors:
            return
        first, *others = errors
        if others:
            more = " ".join(error.with_advice("").sentence() for error in others)
            first.with_advice(f"{first.advice} {more}".strip())
        with self.keeping_changes():
            raise first

    @contextlib.contextmanager
    def keeping_reads(self) -> Iterator[None]:
        """Keep what was read although something is written: for writes that no other resource depends on."""
        read = dict(self._read)
        yield
        self._read.update(read)

    def converge(self, part: str, resources: Mapping[str, Resource]) -> dict[str, Result]:
        """Read the resources concurrently, then plan and write them in their order. Return their facts by name.

        A resource is read again before its own plan if one before it was changed: it may depend on that one.
        """
        self.read_ahead(resources)
        return {name: self.add(part, partial(self._one, name, resource)) for name, resource in resources.items()}

    def _one(self, name: str, resource: Resource) -> Result:
        read = (lambda: self._read[resource]) if resource in self._read else None
        result = converge(resource, check_mode=self.check_mode, read=read)
        return {name if key in _NAMED else key: value for key, value in result.items()}

    def add(self, part: str, work: Callable[[], Result]) -> Result:
        """Run the work of a part and merge its result, also that of a work that failed half-way. Return the part's facts."""
        try:
            done: Result = {"changed": False, "changes": [], **work()}
        except ReflectorError as error:
            self._keep(error, part)
            raise
        facts = self._merge(done)
        self.result.setdefault(part, {}).update(facts)
        return {**facts, "changed": bool(done["changed"]), "changes": done["changes"]}

    @contextlib.contextmanager
    def keeping_changes(self) -> Iterator[None]:
        """Add to an error what all parts have changed until then."""
        try:
            yield
        except ReflectorError as error:
            self._keep(error)
            raise

    def _keep(self, error: ReflectorError, part: str = "") -> None:
        """Merge what was done before the error, unless an inner `keeping_changes` has. Then it has the whole result."""
        if error.done.get("changes") is self.result["changes"]:
            return
        facts = self._merge(error.done)
        if part and facts:
            self.result.setdefault(part, {}).update(facts)
        error.done = self.finish()

    def state_of(self, resource: Resource) -> Any:
        """Return what `read_ahead` read of the resource."""
        return self._read[resource]

    def finish(self) -> Result:
        """Return the result of all parts."""
        return {key: value for key, value in self.result.items() if key != "warnings" or value}

    def _merge(self, done: Mapping[str, Any]) -> Result:
        if done.get("changed"):
            self.result["changed"] = True
            if not self.check_mode:
                self._read.clear()
        for key in _MERGED:
            self.result[key].extend(done.get(key) or [])
        return {key: value for key, value in done.items() if key not in ("changed", *_MERGED)}
