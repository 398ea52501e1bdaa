# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of an embedded AWS. Its processes exchange it as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

DEPLOYER_ROLE = "log-reflector-deployer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Behaviour of the emulated services. Settings can change while they run. Delays are in seconds."""

    event_delay: float = 0.2  # from a CreateLogGroup call to its CloudTrail event; on AWS seconds to minutes
    trail: bool = True  # whether the organisation has a trail; without one there are no such events
    duplicate_probability: float = 0.0  # probability that such an event is delivered twice
    account_concurrency: int = 1000  # executions at once in an account and region; in new accounts 10
    filter_slots: int = 5  # subscription filters that a log group may have
    retry_delay: float = 0.5  # before the first asynchronous retry, doubled for the second; on AWS one and two minutes
    parallel_events: int = 4  # events that a function handles at once, each in a process; AWS starts with a thousand
    timeout_slack: float = 0.0  # seconds that a function may run beyond its timeout, for slow machines
    loop_guard: bool = True  # never deliver a function's own log group to that function
    role_delay: float = 0.0  # age at which Lambda can assume a new role; on AWS some seconds
    update_delay: float = 0.5  # that creating or updating a function takes; it refuses other updates meanwhile
    permission_delay: float = 0.0  # age at which a new Lambda permission counts; on AWS some seconds
    longest_hidden: float = 43_200.0  # longest visibility timeout, whatever a call asks for
    schedule_speed: float = 1.0  # factor for rate() schedules: with 60 a minute is a second
    event_jitter: float = 0.0  # longest random addition to event_delay
    event_loss: float = 0.0  # probability that such an event never comes
    delivery_delay: float = 0.0  # longest random time from a log event to its delivery
    delivery_throttling: float = (
        0.0  # probability that a delivery is throttled; it is tried again after retry_delay, for a day
    )
    filter_delay: float = 0.0  # age at which a new filter receives log events
    centralization_delay: float = 0.0  # from a log event to its copy by a centralization rule
    centralization_throttling: float = 0.0  # probability that a copy is throttled; it is tried again after retry_delay
    centralization_error: str = ""  # error type that every copy has, for example LogGroupQuotaExceeded
    centralization_provisioning: float = 0.0  # age at which a new centralization rule copies
    read_delay: float = 0.0  # age at which FilterLogEvents finds a log event
    tag_delay: float = 0.0  # age at which ListLogGroups knows a changed tag
    seed: int = 0  # of random delays and losses; 0: others at each start
    disabled_regions: tuple[str, ...] = ()  # "REGION" in every account, "ACCOUNT/REGION" in one: calls are refused

    @classmethod
    def like_aws(cls, speed: float, seed: int, **changes: Any) -> Settings:
        """Return AWS's delays, divided by `speed`.

        Documented: events of CloudTrail take seconds to minutes and are best effort; log events are delivered "usually in
        less than three minutes"; asynchronous retries wait one and two minutes. Assumed, because AWS documents no time:
        the ages at which roles, permissions, filters, tags and log events take effect.
        """
        aws = cls(
            event_delay=5 / speed,
            event_jitter=175 / speed,
            event_loss=0.02,
            delivery_delay=180 / speed,
            filter_delay=5 / speed,
            read_delay=10 / speed,
            tag_delay=30 / speed,
            retry_delay=60 / speed,
            role_delay=10 / speed,
            permission_delay=5 / speed,
            update_delay=3 / speed,
            schedule_speed=speed,
            seed=seed,
        )
        return dataclasses.replace(aws, **changes)

    def changed(self, changes: dict[str, Any]) -> Settings:
        """Return a copy with changes. Raises ValueError or TypeError for a wrong name or value."""
        known = {field.name: field.type for field in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"Unknown setting {name!r}: choose from {', '.join(known)}.")
            if not _fits(value, str(known[name])):
                raise TypeError(f"Setting {name} must be a {known[name]}, not {value!r}.")
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in changes.items()}
        return dataclasses.replace(self, **values)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith("tuple"):
        return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    return isinstance(value, {"bool": (bool,), "str": (str,)}.get(kind, (int, float)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as Organizations describes it."""

    name: str = ""  # "": account-<id>
    ou: str = "/"  # "/Workloads/Prod"; missing OUs are created
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    state: str = "ACTIVE"  # or PENDING_ACTIVATION, SUSPENDED, PENDING_CLOSURE, CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A management account, its members, and their regions."""

    id: str = "o-embeddedaws"
    management: str = "111111111111"
    members: tuple[str, ...] = ("222222222222", "333333333333")
    regions: tuple[str, ...] = ("eu-west-1", "us-east-1")
    described: dict[str, Account] = dataclasses.field(default_factory=dict)  # by account id
    empty_ous: tuple[str, ...] = ()  # paths of OUs without an account
    delegated: tuple[str, ...] = ()  # members that may call Organizations and Account Management

    @property
    def accounts(self) -> tuple[str, ...]:
        return (self.management, *self.members)

    def check(self) -> None:
        """Raise ValueError if the organisation is invalid."""
        for account in self.accounts:
            if not (account.isascii() and account.isdigit() and len(account) == 12):
                raise ValueError(f"{account!r} is no account id: it has 12 digits.")
        if len(set(self.accounts)) != len(self.accounts):
            raise ValueError("An account is named twice in the organisation.")
        if unknown := {*self.described, *self.delegated} - {*self.accounts}:
            raise ValueError(f"{', '.join(sorted(unknown))}: described or delegated, but not in the organisation.")
        if not self.regions:
            raise ValueError("An organisation needs at least one region.")


# For experiments. A deployment is tested with its least privileges (docs/iam/deployer-policy.json).
FULL_ACCESS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that a start needs."""

    organization: Organization = Organization()
    settings: Settings = Settings()
    deployer_policy: dict[str, Any] = dataclasses.field(default_factory=lambda: FULL_ACCESS)
    idle_timeout: float | None = None  # seconds without a request after which it stops

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Configuration:
        data = json.loads(text)
        organization = data["organization"]
        return cls(
            organization=Organization(
                id=organization["id"],
                management=organization["management"],
                members=tuple(organization["members"]),
                regions=tuple(organization["regions"]),
                described={account: Account(**known) for account, known in organization["described"].items()},
                empty_ous=tuple(organization["empty_ous"]),
                delegated=tuple(organization["delegated"]),
            ),
            settings=Settings().changed(data["settings"]),
            deployer_policy=data["deployer_policy"],
            idle_timeout=data["idle_timeout"],
        )
