# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases: aliases, versions and digests, and the choice of the release to go back to."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.configuration import (
    ALL_ATTRIBUTES,
    Configuration,
    Logging,
    Vpc,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.release import (
    CURRENT,
    PREVIOUS,
    WITHDRAWN,
    Release,
    Releases,
    check_release,
    digest,
    digest_of,
    is_own_version,
    release_tag,
    released,
    version_description,
    without_version_mark,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.rollback import choose_goal
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.state import Function
from hypothesis import given
from hypothesis import strategies as st

ONE, TWO = (Release(version, name, version * 64) for version, name in (("1", "0.1.0"), ("2", "0.2.0")))
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:x"
FUNCTION = Function(ARN, "sha", "arm64", Configuration(), tags={"logreflector.aws/release": "0.3.0 sha"})
NAMES = st.from_regex(r"[A-Za-z0-9._+-]{1,64}", fullmatch=True)
RELEASES = st.builds(
    Release,
    st.integers(1, 99999).map(str),
    NAMES,
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.booleans(),
)
CONFIGURATIONS = st.builds(
    Configuration,
    runtime=st.text(),
    memory_size=st.integers(),
    layers=st.lists(st.text()).map(tuple),
    vpc_config=st.builds(Vpc, st.lists(st.text()).map(tuple)),
    logging_config=st.builds(Logging, log_group=st.text()),
    environment=st.dictionaries(st.text(), st.text()),
    file_systems=st.lists(st.text()).map(tuple),
    snap_start=st.sampled_from(["None", "PublishedVersions"]),
)


def alias(name: str, release: Release) -> dict[str, str]:
    return {"Name": name, "FunctionVersion": release.version, "Description": release.description()}


@given(RELEASES)
def test_release_is_read_from_its_alias(release: Release) -> None:
    assert Release.from_alias(alias(CURRENT, release)) == release
    assert len(release.description()) <= 256


@given(st.text())
def test_release_is_not_read_from_other_descriptions(description: str) -> None:
    assert Release.from_alias({"FunctionVersion": "1", "Description": description}) is None


def test_version_description_too_long_is_refused() -> None:
    assert len(version_description("x" * 231, "0.1.0")) == 256
    with pytest.raises(InvalidInputError, match="it has 257 characters, and a version takes 256"):
        version_description("x" * 232, "0.1.0")


@given(st.text(max_size=170), NAMES)
def test_version_description_without_mark_is_the_functions(description: str, release: str) -> None:
    marked = version_description(description, release)
    assert len(marked) <= 256
    assert without_version_mark({"Description": marked})["Description"] == description
    assert is_own_version({"Version": "7", "Description": marked})
    assert not is_own_version({"Version": "$LATEST", "Description": marked})


@pytest.mark.parametrize("description", ["", "theirs", "[logreflector.aws 1] theirs", "[logreflector.aws ]"])
def test_version_without_mark_is_foreign(description: str) -> None:
    configuration = {"Version": "7", "Description": description}
    assert not is_own_version(configuration)
    assert without_version_mark(configuration) == configuration


@given(CONFIGURATIONS, st.randoms())
def test_digest_ignores_the_order_of_variables(configuration: Configuration, random) -> None:
    names = list(configuration.environment)
    random.shuffle(names)
    shuffled = replace(configuration, environment={name: configuration.environment[name] for name in names})
    assert digest("sha", "arm64", configuration) == digest("sha", "arm64", shuffled)


@given(CONFIGURATIONS, CONFIGURATIONS)
def test_digest_differs_for_different_functions(left: Configuration, right: Configuration) -> None:
    assert (digest("sha", "arm64", left) == digest("sha", "arm64", right)) == (left == right)
    assert digest("sha", "arm64", left) != digest("other", "arm64", left)
    assert digest("sha", "arm64", left) != digest("sha", "x86_64", left)


@pytest.mark.parametrize("name", [item.name for item in fields(Configuration)])
def test_digest_depends_on_every_attribute(name: str) -> None:
    other = {"vpc_config": Vpc(("s",)), "logging_config": Logging("JSON"), "environment": {"A": "1"}}
    changed = replace(Configuration(), **{name: other.get(name, "another")})
    assert digest("sha", "arm64", changed) != digest("sha", "arm64", Configuration())
    assert name in ALL_ATTRIBUTES


def test_digest_never_changes() -> None:
    """Aliases store it: another digest for the same function would publish a new version in every account."""
    configuration = Configuration(
        runtime="python3.13", role="arn:r", handler="h.h", environment={"B": "2", "A": "1"}, layers=("l",)
    )
    assert digest("sha", "arm64", configuration) == "a0533de05b872b0125ff176e7fa830091a41f106ef3352b00e219776c1f1c14a"


def test_releases_know_foreign_aliases() -> None:
    releases = Releases.from_aliases(
        [
            alias(CURRENT, TWO),
            {"Name": PREVIOUS, "FunctionVersion": "1", "Description": "mine"},
            {
                "Name": "live",
                "FunctionVersion": "5",
                "RoutingConfig": {"AdditionalVersionWeights": {"4": 0.1}},
            },
        ]
    )
    assert releases == Releases(TWO, None, None, (PREVIOUS,), frozenset({"1", "4", "5"}))
    with pytest.raises(
        RefusedError, match="Could not do it in there: its alias log-reflector-previous was not written"
    ):
        releases.guard("do it", "there")
    theirs = [{"Name": name, "FunctionVersion": "1"} for name in (WITHDRAWN, CURRENT)]
    assert Releases.from_aliases(theirs).foreign == (CURRENT, WITHDRAWN)
    Releases.from_aliases([alias(CURRENT, TWO), alias(PREVIOUS, ONE), alias(WITHDRAWN, TWO)]).guard("do it", "there")


@pytest.mark.parametrize(
    ("releases", "complete", "goal", "withdrawn"),
    [
        (Releases(), True, None, None),
        (Releases(ONE), True, None, None),
        (Releases(TWO, ONE), True, ONE, TWO),
        # An interrupted or failed deployment, and a manual change: back to the last complete release.
        (Releases(ONE), False, ONE, "unfinished"),
        (Releases(ONE, TWO), False, ONE, "unfinished"),
        # An interrupted rollback continues.
        (Releases(TWO, ONE, TWO), True, ONE, TWO),
        (Releases(TWO, ONE, TWO), False, ONE, TWO),
        (Releases(ONE, ONE, TWO), True, ONE, TWO),
        (Releases(TWO, ONE, replace(TWO, unfinished=True)), False, TWO, replace(TWO, unfinished=True)),
        # A finished rollback, and one whose next deployment failed.
        (Releases(ONE, None, TWO), True, ONE, TWO),
        (Releases(ONE, None, TWO), False, ONE, TWO),
    ],
)
def test_rollback_goal(
    releases: Releases, complete: bool, goal: Release | None, withdrawn: Release | str | None
) -> None:
    if withdrawn == "unfinished":
        withdrawn = Release("1", "0.3.0", digest_of(FUNCTION), unfinished=True)
    assert choose_goal(releases, FUNCTION, complete=complete) == (goal, withdrawn)


def test_release_base_is_never_withdrawn() -> None:
    assert Releases(TWO, ONE).base == TWO
    assert Releases(TWO, ONE, TWO).base == ONE
    assert Releases(ONE, None, TWO).base == ONE
    assert Releases(TWO, ONE, replace(TWO, unfinished=True)).base == TWO


def test_releases_are_rolling_back_until_the_last_alias_is_deleted() -> None:
    assert Releases(TWO, ONE, TWO).is_rolling_back
    assert not Releases(TWO, ONE).is_rolling_back
    assert not Releases(ONE, None, TWO).is_rolling_back


def test_release_tag_names_the_release() -> None:
    assert released(release_tag("0.1.0", "a+/b=")) == "0.1.0"
    assert released(None) is None


@pytest.mark.parametrize("release", ["", " ", "a b", "x" * 65, "é", "1\n"])
def test_release_name_invalid_is_refused(release: str) -> None:
    with pytest.raises(InvalidInputError, match="Could not accept the option release"):
        check_release(release)
    assert check_release("0.1.0+build-7_x") == "0.1.0+build-7_x"


def test_releases_plain_values_are_json() -> None:
    shown = Releases(TWO, ONE, replace(TWO, unfinished=True)).plain()
    assert json.loads(json.dumps(shown)) == {
        "current": {"release": "0.2.0", "version": "2"},
        "previous": {"release": "0.1.0", "version": "1"},
        "withdrawn": {"release": "0.2.0", "version": "2", "unfinished": True},
    }
