"""What aliases and versions say of releases, and the way back."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_release import (
    CURRENT,
    PREVIOUS,
    WITHDRAWN,
    Release,
    Releases,
    check_release,
    digest,
    digest_of,
    is_our_version,
    release_tag,
    released,
    unmarked,
    version_description,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_settings import (
    ALL_SETTINGS,
    Logging,
    Settings,
    Vpc,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function_state import Function
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_rollback import way_back
from hypothesis import given
from hypothesis import strategies as st

ONE, TWO = (Release(version, name, version * 64) for version, name in (("1", "0.1.0"), ("2", "0.2.0")))
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:x"
FUNCTION = Function(ARN, "sha", "arm64", Settings(), tags={"logreflector.aws/release": "0.3.0 sha"})
NAMES = st.from_regex(r"[A-Za-z0-9._+-]{1,64}", fullmatch=True)
RELEASES = st.builds(
    Release,
    st.integers(1, 99999).map(str),
    NAMES,
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.booleans(),
)
SETTINGS = st.builds(
    Settings,
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
def test_an_alias_gives_the_release_that_wrote_it(release: Release) -> None:
    assert Release.from_alias(alias(CURRENT, release)) == release
    assert len(release.description()) <= 256


@given(st.text())
def test_no_other_description_is_taken_for_ours(description: str) -> None:
    assert Release.from_alias({"FunctionVersion": "1", "Description": description}) is None


def test_a_description_that_leaves_no_room_is_refused() -> None:
    assert len(version_description("x" * 231, "0.1.0")) == 256
    with pytest.raises(InvalidInputError, match="it has 257 characters, and a version takes 256"):
        version_description("x" * 232, "0.1.0")


@given(st.text(max_size=170), NAMES)
def test_a_version_gives_the_functions_description_back(description: str, release: str) -> None:
    marked = version_description(description, release)
    assert len(marked) <= 256
    assert unmarked({"Description": marked})["Description"] == description
    assert is_our_version({"Version": "7", "Description": marked})
    assert not is_our_version({"Version": "$LATEST", "Description": marked})


@pytest.mark.parametrize("description", ["", "theirs", "[logreflector.aws 1] theirs", "[logreflector.aws ]"])
def test_a_version_without_the_mark_is_not_ours(description: str) -> None:
    configuration = {"Version": "7", "Description": description}
    assert not is_our_version(configuration)
    assert unmarked(configuration) == configuration


@given(SETTINGS, st.randoms())
def test_a_digest_heeds_no_order_of_variables(settings: Settings, random) -> None:
    names = list(settings.environment)
    random.shuffle(names)
    shuffled = replace(settings, environment={name: settings.environment[name] for name in names})
    assert digest("sha", "arm64", settings) == digest("sha", "arm64", shuffled)


@given(SETTINGS, SETTINGS)
def test_a_digest_tells_different_settings_apart(left: Settings, right: Settings) -> None:
    assert (digest("sha", "arm64", left) == digest("sha", "arm64", right)) == (left == right)
    assert digest("sha", "arm64", left) != digest("other", "arm64", left)
    assert digest("sha", "arm64", left) != digest("sha", "x86_64", left)


@pytest.mark.parametrize("name", [item.name for item in fields(Settings)])
def test_every_setting_is_in_the_digest(name: str) -> None:
    other = {"vpc_config": Vpc(("s",)), "logging_config": Logging("JSON"), "environment": {"A": "1"}}
    changed = replace(Settings(), **{name: other.get(name, "another")})
    assert digest("sha", "arm64", changed) != digest("sha", "arm64", Settings())
    assert name in ALL_SETTINGS


def test_a_digest_stays_what_it_is() -> None:
    """It stands in aliases: another one for the same function would publish anew in every account."""
    settings = Settings(role="arn:r", handler="h.h", environment={"B": "2", "A": "1"}, layers=("l",))
    assert digest("sha", "arm64", settings) == "a0533de05b872b0125ff176e7fa830091a41f106ef3352b00e219776c1f1c14a"


def test_aliases_of_others_are_told_apart() -> None:
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
        # An interrupted or failed deploy, and a change by hand: back to the last complete release.
        (Releases(ONE), False, ONE, "unfinished"),
        (Releases(ONE, TWO), False, ONE, "unfinished"),
        # A rollback that was cut short: on to where it went.
        (Releases(TWO, ONE, TWO), True, ONE, TWO),
        (Releases(TWO, ONE, TWO), False, ONE, TWO),
        (Releases(ONE, ONE, TWO), True, ONE, TWO),
        (Releases(TWO, ONE, replace(TWO, unfinished=True)), False, TWO, replace(TWO, unfinished=True)),
        # One that is done, and one whose next deploy failed.
        (Releases(ONE, None, TWO), True, ONE, TWO),
        (Releases(ONE, None, TWO), False, ONE, TWO),
    ],
)
def test_the_way_back(
    releases: Releases, complete: bool, goal: Release | None, withdrawn: Release | str | None
) -> None:
    if withdrawn == "unfinished":
        withdrawn = Release("1", "0.3.0", digest_of(FUNCTION), unfinished=True)
    assert way_back(releases, FUNCTION, complete=complete) == (goal, withdrawn)


def test_a_withdrawn_release_is_never_the_one_to_go_back_to() -> None:
    assert Releases(TWO, ONE).base == TWO
    assert Releases(TWO, ONE, TWO).base == ONE
    assert Releases(ONE, None, TWO).base == ONE
    assert Releases(TWO, ONE, replace(TWO, unfinished=True)).base == TWO


def test_a_rollback_is_under_way_until_its_last_alias_is_gone() -> None:
    assert Releases(TWO, ONE, TWO).rolling_back
    assert not Releases(TWO, ONE).rolling_back
    assert not Releases(ONE, None, TWO).rolling_back


def test_the_tag_names_the_release() -> None:
    assert released(release_tag("0.1.0", "a+/b=")) == "0.1.0"
    assert released(None) is None


@pytest.mark.parametrize("release", ["", " ", "a b", "x" * 65, "é", "1\n"])
def test_a_name_that_fits_no_tag_is_refused(release: str) -> None:
    with pytest.raises(InvalidInputError, match="Could not accept the option release"):
        check_release(release)
    assert check_release("0.1.0+build-7_x") == "0.1.0+build-7_x"


def test_plain_values_are_json() -> None:
    shown = Releases(TWO, ONE, replace(TWO, unfinished=True)).plain()
    assert json.loads(json.dumps(shown)) == {
        "current": {"release": "0.2.0", "version": "2"},
        "previous": {"release": "0.1.0", "version": "1"},
        "withdrawn": {"release": "0.2.0", "version": "2", "unfinished": True},
    }
