"""Conversations of ssm_parameter with Systems Manager: which calls, in which order, and none that is not needed."""

from __future__ import annotations

from typing import Any

import pytest

NAME = "/a/b"
ARN = f"arn:aws:ssm:eu-west-1:123456789012:parameter{NAME}"
MARK = {"managed-by": "logreflector.aws"}
MARKED = {"TagList": [{"Key": "managed-by", "Value": "logreflector.aws"}]}
SECRET = '{"routes": [{"log_groups": ["*"]}]}'
READS = ["GetParameter", "DescribeParameters"]


def value(aws: Any) -> str:
    text: str = aws.client("ssm").get_parameter(Name=NAME, WithDecryption=True)["Parameter"]["Value"]
    return text


def tags(aws: Any) -> dict[str, str]:
    listed = aws.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=NAME)["TagList"]
    return {item["Key"]: item["Value"] for item in listed}


def test_life_of_a_parameter(aws: Any) -> None:
    options = {"name": NAME, "value": SECRET, "description": "d", "tags": {"a": "b"}}
    announced = aws.run("ssm_parameter", check_mode=True, **options)
    assert aws.calls == ["GetParameter"]
    assert announced["parameter"] is None

    created = aws.run("ssm_parameter", **options)
    assert aws.writes == ["PutParameter"]
    assert created["changes"] == announced["changes"] == ["create parameter /a/b"]
    assert created["diff"] == announced["diff"]
    about = {"name": NAME, "arn": ARN, "type": "SecureString", "tier": "Standard"}
    assert created["parameter"] == {**about, "version": 1, "size": 35}
    assert (value(aws), tags(aws)) == (SECRET, {"a": "b", **MARK})

    assert aws.run("ssm_parameter", **options)["changed"] is False
    assert aws.calls == [*READS, "ListTagsForResource"]

    announced = aws.run("ssm_parameter", check_mode=True, name=NAME, value="x" * 5000)
    changed = aws.run("ssm_parameter", name=NAME, value="x" * 5000)
    assert aws.calls == [*READS, "ListTagsForResource", "PutParameter", *READS]
    assert changed["diff"] == announced["diff"]
    assert changed["diff"][0]["before"] == {
        "type": "SecureString",
        "tier": "Standard",
        "kms_key_id": "alias/aws/ssm",
        "description": "d",
        "value": "35 bytes, sha256 da2bb4bd...",
    }
    assert changed["diff"][0]["after"]["tier"] == "Advanced"
    assert changed["parameter"] == {**about, "tier": "Advanced", "version": 2, "size": 5000}
    assert (value(aws), tags(aws)) == ("x" * 5000, {"a": "b", **MARK})

    retagged = aws.run("ssm_parameter", name=NAME, value="x" * 5000, tags={"c": "d"})
    assert aws.writes == ["RemoveTagsFromResource", "AddTagsToResource"]
    assert retagged["changes"] == ["update tags of parameter /a/b"]
    assert retagged["parameter"]["version"] == 2

    announced = aws.run("ssm_parameter", name=NAME, state="absent", check_mode=True)
    assert aws.writes == []
    assert announced["parameter"]["size"] is None
    gone = aws.run("ssm_parameter", name=NAME, state="absent")
    assert aws.writes == ["DeleteParameter"]
    assert gone["diff"] == announced["diff"]
    assert gone["parameter"] is None
    assert aws.run("ssm_parameter", name=NAME, state="absent")["changed"] is False
    assert aws.calls == ["GetParameter"]


def test_the_least_calls_of_a_run_without_changes(aws: Any) -> None:
    aws.run("ssm_parameter", name=NAME, value=SECRET)
    assert aws.run("ssm_parameter", name=NAME, value=SECRET)["changed"] is False
    assert aws.calls == READS


def test_a_value_is_required_only_where_it_is_used(aws: Any) -> None:
    refused = aws.run("ssm_parameter", name=NAME)
    assert refused["msg"] == "state is present but all of the following are missing: value"
    assert aws.run("ssm_parameter", name=NAME, state="absent")["changed"] is False


def test_too_long_a_value_is_refused_without_a_call(aws: Any) -> None:
    refused = aws.run("ssm_parameter", name=NAME, value="x" * 8193)
    assert refused["msg"] == (
        "Could not accept the option value: it has 8193 bytes, and a parameter holds at most 8192."
    )
    assert aws.calls == []


def test_a_neighbour_with_a_longer_name_is_not_taken_for_it(aws: Any) -> None:
    aws.run("ssm_parameter", name=f"{NAME}/c", value="theirs", type="String", tier="Advanced")
    aws.run("ssm_parameter", name=f"{NAME}c", value="theirs", type="String", tier="Advanced")
    assert aws.run("ssm_parameter", name=NAME, value=SECRET)["parameter"]["tier"] == "Standard"
    assert aws.run("ssm_parameter", name=NAME, value=SECRET)["changed"] is False


def test_a_foreign_parameter_stays_as_it_is(aws: Any) -> None:
    aws.client("ssm").put_parameter(Name=NAME, Value=SECRET, Type="SecureString")
    assert aws.run("ssm_parameter", name=NAME, value=SECRET)["changed"] is False
    for options in ({"value": "x"}, {"value": SECRET, "tags": {"a": "b"}}, {"state": "absent"}):
        for check_mode in (True, False):
            refused = aws.run("ssm_parameter", name=NAME, check_mode=check_mode, **options)
            assert refused["error_kind"] == "RefusedError"
            assert "so this collection did not make it" in refused["msg"]
            assert aws.writes == []
    assert (value(aws), tags(aws)) == (SECRET, {})
    assert aws.run("ssm_parameter", name=NAME, value="x", adopt=True)["changed"] is True
    assert aws.writes == ["AddTagsToResource", "PutParameter"]
    assert (value(aws), tags(aws)) == ("x", MARK)


@pytest.mark.parametrize("options", [{"type": "String"}, {"tier": "Standard"}])
def test_what_cannot_be_changed_is_refused_before_the_call(aws: Any, options: dict[str, str]) -> None:
    aws.run("ssm_parameter", name=NAME, value=SECRET, tier="Advanced")
    for check_mode in (True, False):
        refused = aws.run("ssm_parameter", name=NAME, value="x", check_mode=check_mode, **options)
        assert refused["error_kind"] == "RefusedError"
        assert aws.writes == []
    assert value(aws) == SECRET


def found(stub: Any, version: int = 1, listed: int | None = None, text: str = SECRET) -> None:
    """Both answers about the parameter; `listed` is the version that the second one knows of, 0 if it has none."""
    about = {"Name": NAME, "Type": "SecureString", "Version": version, "ARN": ARN}
    stub.add_response("get_parameter", {"Parameter": {**about, "Value": text}}, {"Name": NAME, "WithDecryption": True})
    listed = version if listed is None else listed
    items = [{**about, "Version": listed, "Tier": "Standard", "KeyId": "alias/aws/ssm"}] if listed else []
    stub.add_response("describe_parameters", {"Parameters": items})


def test_old_answers_are_waited_out(aws: Any) -> None:
    stub = aws.stub("ssm")
    stub.add_client_error("get_parameter", "ParameterNotFound")
    stub.add_response("put_parameter", {"Version": 1, "Tier": "Standard"})
    stub.add_client_error("get_parameter", "ParameterNotFound")
    found(stub, listed=0)
    found(stub)
    created = aws.run("ssm_parameter", name=NAME, value=SECRET)
    stub.assert_no_pending_responses()
    assert created["parameter"]["version"] == 1

    found(stub)
    stub.add_response("list_tags_for_resource", MARKED)
    stub.add_response("put_parameter", {"Version": 2, "Tier": "Standard"})
    found(stub)
    found(stub, version=2, listed=1, text="x")
    found(stub, version=2, text="x")
    assert aws.run("ssm_parameter", name=NAME, value="x")["parameter"]["version"] == 2
    stub.assert_no_pending_responses()


def test_a_page_without_items_is_not_the_last(aws: Any) -> None:
    stub = aws.stub("ssm")
    about = {"Name": NAME, "Type": "SecureString", "Version": 1, "ARN": ARN}
    stub.add_response("get_parameter", {"Parameter": {**about, "Value": SECRET}})
    stub.add_response("describe_parameters", {"Parameters": [], "NextToken": "more"})
    stub.add_response("describe_parameters", {"Parameters": [{**about, "Tier": "Advanced"}]})
    assert aws.run("ssm_parameter", name=NAME, value=SECRET)["parameter"]["tier"] == "Advanced"


def test_the_wait_for_old_answers_has_an_end(aws: Any) -> None:
    stub = aws.stub("ssm")
    found(stub, version=2, listed=1)
    failed = aws.run("ssm_parameter", name=NAME, value=SECRET, wait_timeout=0)
    assert failed["msg"] == (
        "Could not read parameter /a/b in eu-west-1: Systems Manager does not show its latest version yet. Run again."
    )


@pytest.mark.parametrize("code", ["TooManyUpdates", "ThrottlingException"])
def test_updates_of_others_and_rates_are_waited_out(aws: Any, code: str) -> None:
    stub = aws.stub("ssm")
    stub.client.meta.events.register_first("needs-retry", lambda **_unused: False)  # the SDK's own tries are its own
    found(stub)
    stub.add_response("list_tags_for_resource", MARKED)
    stub.add_client_error("put_parameter", code)
    stub.add_client_error("put_parameter", code)
    stub.add_response("put_parameter", {"Version": 2, "Tier": "Standard"})
    found(stub, version=2, text="x")
    assert aws.run("ssm_parameter", name=NAME, value="x")["changes"] == ["update parameter /a/b"]
    stub.assert_no_pending_responses()


def test_the_wait_for_others_has_an_end(aws: Any) -> None:
    stub = aws.stub("ssm")
    found(stub)
    stub.add_response("list_tags_for_resource", MARKED)
    stub.add_client_error("put_parameter", "TooManyUpdates", "There are concurrent updates")
    failed = aws.run("ssm_parameter", name=NAME, value="x", wait_timeout=0)
    assert (
        "Could not update parameter /a/b in eu-west-1: TooManyUpdates: There are concurrent updates." in failed["msg"]
    )
    assert failed["changed"] is False


def test_the_half_minute_after_a_deletion_is_waited_out(aws: Any) -> None:
    stub = aws.stub("ssm")
    stub.add_client_error("get_parameter", "ParameterNotFound")
    stub.add_client_error("put_parameter", "ParameterAlreadyExists")
    stub.add_client_error("get_parameter", "ParameterNotFound")
    stub.add_response("put_parameter", {"Version": 1, "Tier": "Standard"})
    found(stub)
    assert aws.run("ssm_parameter", name=NAME, value=SECRET)["changes"] == ["create parameter /a/b"]
    stub.assert_no_pending_responses()


def test_somebody_made_the_parameter_meanwhile(aws: Any) -> None:
    stub = aws.stub("ssm")
    stub.add_client_error("get_parameter", "ParameterNotFound")
    stub.add_client_error("put_parameter", "ParameterAlreadyExists")
    about = {"Name": NAME, "Type": "SecureString", "Version": 1, "ARN": ARN, "Value": "hidden"}
    stub.add_response("get_parameter", {"Parameter": about})
    found(stub, text="theirs")
    stub.add_response("list_tags_for_resource", {"TagList": []})
    refused = aws.run("ssm_parameter", name=NAME, value=SECRET)
    stub.assert_no_pending_responses()
    assert refused["error_kind"] == "RefusedError"
    assert "theirs" not in str(refused)


def test_a_parameter_that_is_gone_already_is_no_error(aws: Any) -> None:
    stub = aws.stub("ssm")
    about = {"Name": NAME, "Type": "SecureString", "Version": 1, "ARN": ARN}
    stub.add_response("get_parameter", {"Parameter": {**about, "Value": "?"}}, {"Name": NAME, "WithDecryption": False})
    stub.add_response("describe_parameters", {"Parameters": [about]})
    stub.add_response("list_tags_for_resource", MARKED)
    stub.add_client_error("delete_parameter", "ParameterNotFound")
    assert aws.run("ssm_parameter", name=NAME, state="absent")["parameter"] is None
    stub.assert_no_pending_responses()


def test_a_denied_call_names_the_operation(aws: Any) -> None:
    stub = aws.stub("ssm")
    stub.add_client_error("get_parameter", "AccessDeniedException", "not authorized", http_status_code=400)
    failed = aws.run("ssm_parameter", name=NAME, value=SECRET)
    assert failed["error_kind"] == "AccessDeniedError"
    assert "GetParameter" in failed["msg"]


def test_the_value_is_in_no_result(aws: Any) -> None:
    results = [
        aws.run("ssm_parameter", name=NAME, value=SECRET, check_mode=True),
        aws.run("ssm_parameter", name=NAME, value=SECRET),
        aws.run("ssm_parameter", name=NAME, value="another value"),
        aws.run("ssm_parameter", name=NAME, value="another value", type="String"),
        aws.run("ssm_parameter", name=NAME, state="absent"),
    ]
    stub = aws.stub("ssm")
    stub.add_client_error("get_parameter", "ParameterNotFound")
    stub.add_client_error("put_parameter", "ParameterPatternMismatchException", f"{SECRET} does not match ^x$")
    results.append(aws.run("ssm_parameter", name=NAME, value=SECRET))
    assert "ParameterPatternMismatchException" in results[-1]["msg"]
    for result in results:
        assert SECRET not in str(result)
        assert "another value" not in str(result)
