"""target_info against moto."""

from __future__ import annotations

from typing import Any


def test_target_info_returns_the_target(aws: Any) -> None:
    result = aws.run("target_info", account_id="123456789012")
    assert not result["changed"]
    assert result["target"]["account_id"] == "123456789012"
    assert result["target"]["region"] == "eu-west-1"
    assert result["target"]["partition"] == "aws"
    assert aws.calls == ["GetCallerIdentity"]


def test_target_info_refuses_another_account(aws: Any) -> None:
    result = aws.run("target_info", account_id="999999999999")
    assert result["failed"]
    assert "Could not reach account 999999999999" in result["msg"]
    assert "belong to account 123456789012" in result["msg"]
