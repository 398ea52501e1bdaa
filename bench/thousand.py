# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A thousand emulated targets: deployed in waves, stopped by failures, resumed, given a second release, rolled back, torn
down. Before that the same over 24 targets, with the delivery check of each wave. Writes build/bench/thousand.json.

    python bench/thousand.py [SIZE] [--checked SIZE]

After each step the bench reads from AWS, as each account's root, whether the step left the expected state. The first
difference ends the bench with Ansible's output. README.md names the limit of one machine.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _figures import write_figures
from _fleet_aws import GROUPS, ROOT, Root, RunningAws, Target, deployers, inventory, organisation, targets_of
from _fleet_run import Ansible, Measured, tree_mb

SIZE, CHECKED_SIZE = 1000, 24
WAVES = (1, 5, 25, 100)
"""The playbook's own: the first is a number of targets, the others are percent."""
FUNCTIONS = ("log-reflector", "log-reflector-subscriber")
RETRY = "log-reflector-deploy.retry"
SECOND_RELEASE = {"reflector_memory_size": 512, "subscriber_memory_size": 320}


@dataclass(frozen=True, slots=True)
class TargetState:
    """The parts of a deployment that exist in a target."""

    functions: dict[str, tuple[str, int]]  # name: CodeSha256, memory
    queues: int
    rules: int
    filters: int  # ours: each of the target's own log groups has one, those of our functions have none
    log_groups: int  # of our functions
    roles: int  # of the account

    @property
    def is_deployed(self) -> bool:
        """Whether a deployment is complete here."""
        return (set(self.functions), self.queues, self.rules, self.filters, self.log_groups, self.roles) == (
            set(FUNCTIONS),
            2,
            1,
            GROUPS,
            2,
            2,
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing exists. Roles do not count: they are the account's, and another of its targets may need them."""
        return not (self.functions or self.queues or self.rules or self.filters or self.log_groups)


@dataclass(slots=True)
class Story:
    """A fleet through several playbooks, with the figures of each step."""

    aws: RunningAws
    targets: list[Target]
    home: Path
    ansible: Ansible
    extra: dict[str, Any]
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)

    def step(
        self, name: str, playbook: str, *arguments: str, ansible: Ansible | None = None, status: int = 0, **extra: Any
    ) -> Measured:
        """Run and measure one playbook over all targets, or over those that `arguments` select."""
        self.aws.front.clear_journal()
        run = (ansible or self.ansible).run(f"logreflector.aws.{playbook}", *arguments, extra={**self.extra, **extra})
        calls = deployers(self.aws.front.calls())
        hosts = len(run.recap()) or 1
        self.steps[name] = {
            "status": run.status,
            "wall_s": round(run.wall_s, 1),
            "cpu_s": round(run.cpu_s, 1),
            "cpu_s_per_target": round(run.cpu_s / hosts, 3),
            "targets_in_this_run": hosts,
            "peak_mb": round(run.peak_mb),
            "api_calls": len(calls),
            "api_writes": sum(call.write for call in calls),
        }
        print(f"{name}: {self.steps[name]}", flush=True)
        return run.expect(status=status)

    def read_states(self, targets: Iterable[Target] | None = None) -> dict[Target, TargetState]:
        """Read the state of these targets, or of all, from AWS."""
        root = Root(self.aws)
        return {target: read_state(root, target) for target in (self.targets if targets is None else targets)}

    def check(
        self, run: Measured, what: str, targets: Iterable[Target], holds: Callable[[TargetState], bool]
    ) -> dict[Target, TargetState]:
        """Record for how many targets the condition holds, or end the bench if it does not hold for one."""
        found = self.read_states(list(targets))
        wrong = {target: one for target, one in found.items() if not holds(one)}
        if wrong:
            target, one = next(iter(wrong.items()))
            raise SystemExit(
                f"{run.output}\nExpected: {what}. Wrong in {len(wrong)} of {len(found)} targets: {target}: {one}"
            )
        self.steps[list(self.steps)[-1]].setdefault("facts", {})[what] = len(found)
        print(f"  {what}: {len(found)} targets", flush=True)
        return found


def main() -> None:
    """Run the story with and without delivery checks, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "size", nargs="?", type=int, default=SIZE, help="targets without delivery check, 0 for none (1000)"
    )
    parser.add_argument(
        "--checked", type=int, default=CHECKED_SIZE, help="targets with delivery check, 0 for none (24)"
    )
    options = parser.parse_args()
    figures = {
        name: story(size, checked=name == "with_delivery_check")
        for name, size in (("with_delivery_check", options.checked), ("without_delivery_check", options.size))
        if size
    }
    write_figures("thousand", figures)


def story(size: int, *, checked: bool) -> dict[str, Any]:
    """Run all steps over one organisation and return their figures."""
    targets = targets_of(size)
    third = waves(targets)[2]
    broken = third[:: max(1, len(third) // max(2, len(third) // 10))]
    with tempfile.TemporaryDirectory() as name, organisation(targets) as aws:
        home = Path(name)
        ansible = Ansible(aws.deploy_environment(), inventory(home, targets), home)
        extra = {"deploy_verify": checked, "rollback_verify": checked, "reflector_drain_seconds": 0}
        one = Story(aws, targets, home, ansible, extra)
        stopped_and_resumed(one, third, broken)
        rolled_back(one)
        memory = tree_mb(aws.state.pid)
        torn_down(one)
    return {
        "targets": size,
        "waves": [len(wave) for wave in waves(targets)],
        "injected_failures": len(broken),
        "steps": one.steps,
        "embedded_aws_mb": round(memory),
    }


def stopped_and_resumed(story: Story, third: list[Target], broken: list[Target]) -> None:
    """Run a first deployment that ends with its third wave, and another over the remaining targets."""
    for number, (account, region) in enumerate(broken):
        # One target is throttled and gives up after minutes; the others are denied at once.
        inject = story.aws.front.throttle if number == 1 else story.aws.front.deny
        inject("CreateFunction", account=account, region=region)
    begun = story.targets[: story.targets.index(third[-1]) + 1]
    waiting = [target for target in story.targets if target not in set(begun)]
    run = story.step("stopped", "deploy", status=2)
    story.check(
        run, "deployed before the stop", [x for x in begun if x not in set(broken)], lambda one: one.is_deployed
    )
    story.check(run, "failed, and without functions", broken, lambda one: not one.functions)
    story.check(run, "never begun, and untouched", waiting, lambda one: one.is_empty)
    left = {host(target) for target in [*broken, *waiting]}
    listed = (story.home / RETRY).read_text(encoding="utf-8").split()
    if sorted(listed) != sorted(left):
        raise SystemExit(f"{run.output}\nThe retry file has {len(listed)} targets, and {len(left)} were left.")

    story.aws.front.clear_faults()
    run = story.step("resumed", "deploy", "--limit", f"@{story.home / RETRY}")
    if len(run.recap()) != len(left):
        raise SystemExit(f"{run.output}\nIt ran on {len(run.recap())} targets, and {len(left)} were left.")
    if story.extra["deploy_verify"]:
        delivered = len(story.aws.sink.lines())
        if delivered < len(story.targets):
            raise SystemExit(
                f"{run.output}\nThe sink has {delivered} lines, and {len(story.targets)} delivery checks were made."
            )
        story.steps["resumed"]["facts"] = {"lines that the sink has accepted": delivered}
    story.check(run, "deployed", story.targets, lambda one: one.is_deployed)
    if (story.home / RETRY).exists():
        raise SystemExit(f"{run.output}\nThe retry file is still there.")


def rolled_back(story: Story) -> None:
    """Deploy a second release with other code and settings, and roll it back."""
    first = story.read_states()
    release = second_release(story.home / "second")
    ansible = Ansible(story.ansible.environment, story.ansible.inventory, story.home, str(release))
    run = story.step("second release", "deploy", ansible=ansible, **SECOND_RELEASE)
    reflectors = {one.functions[FUNCTIONS[0]][0] for one in first.values()}
    story.check(
        run,
        "run the second release's code and settings",
        story.targets,
        lambda one: (
            one.is_deployed
            and [memory for _unused, memory in map(one.functions.get, FUNCTIONS)] == list(SECOND_RELEASE.values())  # type: ignore[misc]
            and one.functions[FUNCTIONS[0]][0] not in reflectors
        ),
    )
    run = story.step("rolled back", "rollback")
    found = story.check(run, "deployed after the rollback", story.targets, lambda one: one.is_deployed)
    if other := [target for target in story.targets if found[target] != first[target]]:
        raise SystemExit(
            f"{run.output}\nNot as before the second release: {other[0]}: {first[other[0]]} before, {found[other[0]]} now."
        )
    story.steps["rolled back"]["facts"]["as the first release left them"] = len(found)


def torn_down(story: Story) -> None:
    """Tear down. Nothing that we made may remain, and all log groups that existed before must."""
    run = story.step("torn down", "teardown")
    story.check(run, "empty after the teardown", story.targets, lambda one: one.is_empty and not one.roles)
    root = Root(story.aws)
    for target in story.targets:
        if (count := len(log_groups(root, target))) != GROUPS:
            raise SystemExit(f"{run.output}\n{target} has {count} log groups, and had {GROUPS} before all.")


def second_release(folder: Path) -> Path:
    """Make a collections path with a copy of this collection whose reflector has other code."""
    collection = folder / "ansible_collections" / "logreflector" / "aws"
    collection.mkdir(parents=True)
    for part in ("plugins", "roles", "playbooks", "meta", "lambda_src"):
        shutil.copytree(ROOT / part, collection / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", collection)
    with (collection / "lambda_src" / "reflector" / "handler.py").open("a", encoding="utf-8") as handler:
        handler.write("\nRELEASE = 'second'\n")
    return folder


def waves(targets: list[Target]) -> list[list[Target]]:
    """Return the targets of each wave as Ansible's `serial` does: a share of all targets, rounded down, at least one."""
    found: list[list[Target]] = []
    sizes = [WAVES[0], *(max(1, len(targets) * share // 100) for share in WAVES[1:])]
    for size in sizes:
        done = sum(map(len, found))
        found.append(targets[done : done + size])
    return [wave for wave in found if wave]


def host(target: Target) -> str:
    """Return a target's name in the inventory."""
    return ".".join(target)


def read_state(root: Root, target: Target) -> TargetState:
    """Read one target as its account's root."""
    functions = json.loads(root.get(target, "lambda", "/2015-03-31/functions/"))["Functions"]
    groups = log_groups(root, target)
    return TargetState(
        functions={item["FunctionName"]: (item["CodeSha256"], item["MemorySize"]) for item in functions},
        queues=len(root.post(target, "sqs", "AmazonSQS.ListQueues", {}).get("QueueUrls") or []),
        rules=len(root.post(target, "events", "AWSEvents.ListRules", {})["Rules"]),
        filters=sum(
            item["destinationArn"].endswith(f":{FUNCTIONS[0]}")
            for group in groups
            for item in root.post(target, "logs", "Logs_20140328.DescribeSubscriptionFilters", {"logGroupName": group})[
                "subscriptionFilters"
            ]
        ),
        log_groups=sum(group.removeprefix("/aws/lambda/") in FUNCTIONS for group in groups),
        roles=len(set(re.findall(r"<RoleName>(log-reflector(?:-subscriber)?)</RoleName>", roles(root, target)))),
    )


def log_groups(root: Root, target: Target) -> list[str]:
    """Return the names of all log groups: fewer than a page."""
    answer = root.post(target, "logs", "Logs_20140328.DescribeLogGroups", {})
    return [item["logGroupName"] for item in answer["logGroups"]]


def roles(root: Root, target: Target) -> str:
    """Return IAM's answer to ListRoles."""
    return root.query(target, "iam", "Action=ListRoles&Version=2010-05-08").decode()


if __name__ == "__main__":
    main()
