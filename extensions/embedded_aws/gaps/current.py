"""The settings in force: the one thing that all patches share."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..settings import Settings


@dataclass(slots=True)
class Current:
    settings: Settings = field(default_factory=Settings)


current = Current()
