"""What a no-change deployment costs the control node, per target, beside as many empty tasks. Writes build/bench/deploy.json.

CPU seconds of ansible-playbook and its workers (user + system), both in one run; the emulated AWS is another process
tree and does not count. The floor is what Ansible itself costs: the same number of `debug` tasks on the same hosts.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "extensions"), str(ROOT / "tests" / "integration" / "fleet")]

from embedded_aws import Configuration, EmbeddedAws, Organization  # noqa: E402
from embedded_aws.population import populate  # noqa: E402

from playbooks import Ansible, Run, write_inventory  # noqa: E402

ACCOUNTS = ("111111111111", "222222222222", "333333333333", "444444444444", "555555555555", "666666666666")
REGIONS = ("eu-west-1", "us-east-1")
GROUPS = 6


def measured(fleet: Ansible, playbook: str) -> tuple[Run, float]:
    """A run, and the CPU seconds of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = fleet.run(playbook)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.status != 0:
        raise SystemExit(run.output)
    return run, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def empty_tasks(folder: Path, count: int) -> str:
    """A playbook of `count` tasks that do nothing."""
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "x"}}] * count}
    path = folder / "empty.json"
    path.write_text(json.dumps([play]), encoding="utf-8")
    return str(path)


def main() -> None:
    """Measure and write."""
    targets = [(account, region) for account in ACCOUNTS for region in REGIONS]
    policy = json.loads((ROOT / "docs" / "iam" / "deployer-policy.json").read_text(encoding="utf-8"))
    organization = Organization(management=ACCOUNTS[0], members=ACCOUNTS[1:], regions=REGIONS)
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedAws(Configuration(organization=organization, deployer_policy=policy)) as aws,
    ):
        folder = Path(name)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda target: populate(aws, *target, groups=GROUPS), targets))
        fleet = Ansible(aws.deploy_environment(), write_inventory(folder, targets), folder)
        _unused, first = measured(fleet, "logreflector.aws.deploy")
        aws.front.clear_journal()
        run, second = measured(fleet, "logreflector.aws.deploy")
        calls = [call for call in aws.front.calls() if "log-reflector-deployer" in call.caller]
        if run.changed_tasks():
            raise SystemExit(f"the second deployment changed something: {run.changed_tasks()}")
        tasks = len({(line["host"], line["task"]) for line in run.results}) // len(targets)
        _unused, empty = measured(fleet, empty_tasks(folder, tasks))
    figures: dict[str, Any] = {
        "targets": len(targets),
        "tasks_per_target": tasks,
        "first_cpu_s_per_target": round(first / len(targets), 3),
        "nochange_cpu_s_per_target": round(second / len(targets), 3),
        "nochange_api_calls_per_target": round(len(calls) / len(targets), 1),
        "empty_tasks_cpu_s_per_target": round(empty / len(targets), 3),
        "ratio_nochange_to_empty": round(second / empty, 2),
    }
    out = ROOT / "build" / "bench" / "deploy.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
