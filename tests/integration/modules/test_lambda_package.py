"""A package built here runs there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def embedded(request: pytest.FixtureRequest):
    """The embedded AWS alone: moto runs no code."""
    return request.getfixturevalue("_embedded")


def test_lambda_runs_what_was_packed(embedded, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    (sources / "inner").mkdir(parents=True)
    (sources / "handler.py").write_text(
        "from inner.answer import answer\n\ndef handler(event, context):\n    return answer(event)\n"
    )
    (sources / "inner" / "__init__.py").write_text("")
    (sources / "inner" / "answer.py").write_text("def answer(event):\n    return {'got': event['n'] + 1}\n")
    built = embedded.run("lambda_package", dest=str(tmp_path / "x.zip"), sources=[{"src": str(sources)}])
    created = embedded.run(
        "lambda_function",
        name="packed",
        zip_file=built["path"],
        code_sha256=built["code_sha256"],
        role=embedded.role_arn,
        handler="handler.handler",
    )
    assert created["function"]["code_sha256"] == built["code_sha256"]
    answer = embedded.client("lambda").invoke(FunctionName="packed", Payload=json.dumps({"n": 41}))
    assert json.load(answer["Payload"]) == {"got": 42}
    assert embedded.run("lambda_function", name="packed", state="absent", delete_log_group=True)["changed"]
