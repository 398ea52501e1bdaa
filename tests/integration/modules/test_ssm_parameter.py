"""The life of a parameter on two servers: announced, made, again, changed, again in other words, deleted, deleted again."""

from __future__ import annotations

import json
from typing import Any

import pytest

NAME = "/it/ssm-parameter"
RULES = json.dumps(
    {"routes": [{"log_groups": ["*"], "redact": ["email", {"pattern": r"\d{4}\"'ü€", "replacement": ""}]}]}
)


def same_announced_and_done(cloud: Any, **options: Any) -> dict[str, Any]:
    """Check mode, the real run, the run after it: announced is what is done, and then nothing is left to do."""
    announced = cloud.run("ssm_parameter", check_mode=True, name=NAME, **options)
    assert announced.get("changed") is True, announced
    done = cloud.run("ssm_parameter", name=NAME, **options)
    assert (done["changes"], done["diff"]) == (announced["changes"], announced["diff"])
    again = cloud.run("ssm_parameter", name=NAME, **options)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    assert again["parameter"] == done["parameter"]
    return done


def stored(cloud: Any) -> tuple[str, dict[str, str], str]:
    """Value, tags and description."""
    ssm = cloud.client("ssm")
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=NAME)["TagList"]
    (about,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [NAME]}])["Parameters"]
    value = ssm.get_parameter(Name=NAME, WithDecryption=True)["Parameter"]["Value"]
    return value, {item["Key"]: item["Value"] for item in tags}, about.get("Description", "")


@pytest.mark.parametrize("kind", ["SecureString", "String"])
def test_rhythm(cloud: Any, kind: str) -> None:
    created = same_announced_and_done(cloud, value=RULES, type=kind, description="rules", tags={"a": "1"})
    assert created["changes"] == [f"create parameter {NAME}"]
    assert created["parameter"]["arn"].endswith(f":parameter{NAME}")
    about = {key: created["parameter"][key] for key in ("name", "type", "version", "tier", "size")}
    assert about == {"name": NAME, "type": kind, "version": 1, "tier": "Standard", "size": len(RULES.encode())}
    assert stored(cloud) == (RULES, {"a": "1", "managed-by": "logreflector.aws"}, "rules")

    changed = same_announced_and_done(cloud, value="x" * 4097, type=kind, tags={"b": "2"})
    assert changed["changes"] == [f"update tags of parameter {NAME}", f"update parameter {NAME}"]
    assert (changed["parameter"]["version"], changed["parameter"]["tier"]) == (2, "Advanced")
    assert stored(cloud) == ("x" * 4097, {"b": "2", "managed-by": "logreflector.aws"}, "rules")

    shorter = same_announced_and_done(cloud, value=RULES, type=kind, description="shorter")
    assert (shorter["parameter"]["version"], shorter["parameter"]["tier"]) == (3, "Advanced")
    assert stored(cloud) == (RULES, {"b": "2", "managed-by": "logreflector.aws"}, "shorter")

    other_kind = "String" if kind == "SecureString" else "SecureString"
    for options in ({"type": other_kind}, {"type": kind, "tier": "Standard"}):
        for check_mode in (True, False):
            refused = cloud.run("ssm_parameter", check_mode=check_mode, name=NAME, value=RULES, **options)
            assert refused["error_kind"] == "RefusedError"

    assert same_announced_and_done(cloud, state="absent")["parameter"] is None
    with pytest.raises(cloud.client("ssm").exceptions.ParameterNotFound):
        cloud.client("ssm").get_parameter(Name=NAME)


def test_a_foreign_parameter(cloud: Any) -> None:
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="/it/foreign", Value="theirs", Type="SecureString")
    for options in ({"value": "ours"}, {"state": "absent"}, {"value": "theirs", "tags": {"a": "b"}}):
        assert cloud.run("ssm_parameter", name="/it/foreign", **options)["error_kind"] == "RefusedError"
    assert ssm.get_parameter(Name="/it/foreign", WithDecryption=True)["Parameter"]["Value"] == "theirs"
    assert cloud.run("ssm_parameter", name="/it/foreign", state="absent", force=True)["changed"] is True


@pytest.mark.parametrize("cloud", ["embedded"], indirect=True)  # moto judges nobody
def test_the_deployers_policy_is_enough_and_reaches_no_other_parameter(cloud: Any) -> None:
    role = cloud.deployer("ssm")

    def run(name: str, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = cloud.run("ssm_parameter", name=name, assume_role_arn=role, **options)
        return result

    for options in (
        {"value": "first", "tags": {"a": "1"}},
        {"value": "second", "tags": {"b": "1"}},
        {"state": "absent"},
    ):
        assert run("/log-reflector/it", **options).get("changed") is True
    denied = run("/it/other", value="first")
    assert denied["error_kind"] == "AccessDeniedError"
    assert "ssm:GetParameter" in denied["msg"]
