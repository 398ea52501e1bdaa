# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup that fails a run without targets."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.logreflector.aws.plugins.lookup.targets import LookupModule, check_python

GROUPS = {"all": ["a", "b"], "prod": ["b"], "ungrouped": ["a"]}


def look_up(*terms: str, groups: Any = None, within: Any = ("a", "b"), **variables: Any) -> str:
    found = {"groups": GROUPS if groups is None else groups, "ansible_play_hosts_all": list(within), **variables}
    (pattern,) = LookupModule().run(list(terms), found)
    return str(pattern)


def test_targets_without_terms_returns_all() -> None:
    assert look_up() == "all"


def test_targets_returns_the_pattern_of_logreflector_hosts() -> None:
    assert look_up(logreflector_hosts="prod:!x") == "prod:!x"


def test_targets_of_terms_returns_their_pattern() -> None:
    assert look_up("prod", "a", logreflector_hosts="nothing") == "prod,a"


def test_targets_implicit_localhost_is_a_target() -> None:
    assert look_up(groups={"all": []}, within=(), logreflector_hosts="localhost") == "localhost"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"groups": {"all": []}, "within": (), "ansible_inventory_sources": ["/x/hosts"]},
            "No target matches the hosts 'all'; nothing was done. Check the inventory (/x/hosts)",
        ),
        ({"groups": {}, "within": ()}, "Check the inventory (none was given)"),
        (
            {"within": ("a",), "logreflector_hosts": "prod", "ansible_limit": "a"},
            "'prod' and --limit a; nothing was done",
        ),
        ({"logreflector_hosts": "prd"}, "No target matches the hosts 'prd'"),
        ({"within": (), "logreflector_hosts": "localhost", "ansible_limit": "x"}, "'localhost' and --limit x"),
    ],
)
def test_targets_no_host_matches_raises(given: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleError) as caught:
        look_up(**given)
    assert message in str(caught.value)


def test_targets_syntax_check_needs_no_inventory(monkeypatch: pytest.MonkeyPatch) -> None:
    """ansible-lint checks the syntax of playbooks without an inventory."""
    monkeypatch.setattr("ansible.context.CLIARGS", {"syntax": True})
    assert look_up(groups={"all": []}, within=()) == "all"


def test_targets_old_python_is_refused() -> None:
    """On Python 3.10 every playbook ended with "Unexpected Exception, this is probably a bug"."""
    check_python((3, 11, 0))
    with pytest.raises(AnsibleError, match=r"needs Python 3\.11 or later on the control node, .* Python 3\.10\.13"):
        check_python((3, 10, 13))
