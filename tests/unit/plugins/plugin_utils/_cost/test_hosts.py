# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model from the variables of a run: targets that were read, that failed, and that Ansible lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._options.option import options_of
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.figures import Measured, VolumeRow
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.fleet import Choices, TargetCost
from ansible_collections.logreflector.aws.plugins.plugin_utils._cost.hosts import choices_of, fleet_of
from ansible_collections.logreflector.aws.plugins.plugin_utils._files import replace_file
from ansible_collections.logreflector.aws.plugins.plugin_utils._summaries.options import PriceOptions

from .volumes import DAYS, volume

ROW = VolumeRow("/a", "chosen", "", Measured(5, 1), Measured(1, 1))
FAILURE = {"operation": "assume the role", "message": "no", "account": "111111111111"}
PLACE = {"target_account_id": "111111111111", "target_region": "eu-west-1"}


def targets(variables: dict[str, dict[str, Any]], *, lost: str = "") -> dict[str, TargetCost]:
    """Return the targets of a run by host."""
    play = {
        "ansible_play_hosts_all": list(variables),
        "ansible_play_hosts": [host for host in variables if host != lost],
    }
    found = fleet_of({"hostvars": variables, **play}, Choices(), "recap_failure")
    return {target.host: target for target in found.targets}


def read(rows_file: str | None) -> dict[str, Any]:
    return {"volume_info_result": {"volume": volume(ROW, rows_file=rows_file)}}


def test_target_that_was_read_has_its_log_groups(tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text(json.dumps(ROW.plain(DAYS)) + "\n", encoding="utf-8")
    found = targets({"a": read(str(path))})["a"]
    assert found.error == ""
    assert found.log_groups == (ROW.plain(DAYS),)


@pytest.mark.parametrize("content", [None, "{", "\n"])
def test_log_groups_of_an_unreadable_file_are_unknown_and_not_empty(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "rows.ndjson"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    found = targets({"a": read(str(path)), "b": read(None)})
    assert found["a"].log_groups is None
    assert found["b"].log_groups is None
    assert found["a"].volume is not None


def test_target_that_failed_has_its_error() -> None:
    found = targets({"a": {**PLACE, "recap_failure": FAILURE, "volume_info_result": {"failed": True}}})["a"]
    assert found.error == "Could not assume the role in 111111111111: no."
    assert (found.account, found.region, found.volume) == ("111111111111", "eu-west-1", None)


def test_target_without_a_result_says_whether_ansible_lost_it() -> None:
    found = targets({"a": dict(PLACE), "b": {}}, lost="b")
    assert found["a"].error == "Its volume was not read in this run."
    assert found["b"].error.startswith("Ansible removed the target from the run.")


def test_choices_are_those_of_the_options() -> None:
    assert choices_of({"log_service_price": 0.25, "egress": "none"}) == Choices(0.25, False)
    assert choices_of({"log_service_price": None, "egress": "internet"}) == Choices(None, True)


@pytest.mark.parametrize("price", [-0.01, float("nan"), float("inf")])
def test_price_that_is_none_is_refused(price: float) -> None:
    (described,) = (each for each in options_of(PriceOptions) if each.name == "log_service_price")
    with pytest.raises(InvalidInputError, match=r"cost_log_service_price: .* is not "):
        described.check(price, "cost_log_service_price")


def test_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cost.json"
    replace_file(path, ["old"])
    replace_file(path, ["n", "ew"])
    assert path.read_text(encoding="utf-8") == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]
