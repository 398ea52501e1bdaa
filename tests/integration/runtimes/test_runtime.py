# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Runtime API with toy functions. The other tests in this folder rely on it."""

from __future__ import annotations

import os
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from lambda_pythons import environments
from lambda_runtime import Invocation, Runtime
from packages import Start
from waits import wait_until

COUNTS = """
import logging, os, sys, time
logging.getLogger().setLevel(logging.INFO)
print("imported")
count = 0

def handler(event, context):
    global count
    count += 1
    exec(event.get("do", ""))
    return {"count": count, "pid": os.getpid(), **(eval(event["tell"]) if "tell" in event else {})}
"""
# Variables that Lambda sets, by AWS's page. PYTHONDONTWRITEBYTECODE replaces its read-only file system.
VARIABLES = {
    *(
        "_HANDLER",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ),
    *(
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
    ),
    *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
    *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "PATH", "TZ", "_X_AMZN_TRACE_ID"),
    *("PYTHONDONTWRITEBYTECODE", "COLOUR"),
}


TIMEOUT = 300


@pytest.fixture
def toy(start: Start, tmp_path: Path) -> Runtime:
    (tmp_path / "index.py").write_text(COUNTS)
    options = {"environment": {"COLOUR": "red"}, "timeout": TIMEOUT, "memory": 512, "name": "toy"}
    return start(tmp_path, handler="index.handler", **options)


def error(invocation: Invocation) -> tuple[str, str]:
    assert invocation.kind == "error"
    return invocation.payload["errorType"], invocation.payload["errorMessage"]


def test_runtime_environment_is_reused(toy: Runtime) -> None:
    cold, warm = toy.invoke({}), toy.invoke({})
    assert (cold.kind, warm.kind) == ("ok", "ok")
    assert (cold.payload["count"], warm.payload["count"]) == (1, 2)
    assert cold.payload["pid"] == warm.payload["pid"]
    assert (cold.report.cold, warm.report.cold) == (True, False)
    assert cold.log_lines == ("imported",)
    assert warm.log_lines == ()
    assert cold.request_id != warm.request_id


def test_runtime_runs_the_requested_python(toy: Runtime, python: str) -> None:
    tell = {"tell": "{'version': sys.version, 'prefix': sys.prefix, 'client': sys.modules['awslambdaric'].__file__}"}
    told = toy.invoke(tell).payload
    assert told["version"].startswith(f"{python}.")
    assert Path(told["prefix"]) == environments()[python].parents[1]
    assert told["client"].startswith(told["prefix"])


def test_runtime_context_has_function_and_request(toy: Runtime) -> None:
    told = toy.invoke({"tell": "{'context': {name: str(value) for name, value in vars(context).items()}}"})
    context = told.payload["context"]
    assert "[$LATEST]" in context["log_stream_name"]
    assert context.items() >= {
        ("aws_request_id", told.request_id),
        ("function_name", "toy"),
        ("function_version", "$LATEST"),
        ("memory_limit_in_mb", "512"),
        ("log_group_name", "/aws/lambda/toy"),
        ("invoked_function_arn", "arn:aws:lambda:eu-west-1:222222222222:function:toy"),
    }


def test_runtime_every_invocation_has_its_whole_timeout(toy: Runtime) -> None:
    tell = {"tell": "{'deadline': time.time() + context.get_remaining_time_in_millis() / 1000}"}
    for _unused in range(2):  # the second one would have less time if the clock began with the first
        before = time.time()
        deadline = toy.invoke(tell).payload["deadline"] - TIMEOUT
        assert before - 0.01 <= deadline <= time.time() + 0.01


def test_runtime_environment_has_none_of_our_variables(
    toy: Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    told = toy.invoke({"tell": "{'environment': dict(os.environ), 'folder': os.getcwd()}"}).payload
    # Python sets LC_CTYPE if the locale is unknown (PEP 538).
    assert told["environment"].keys() - {"LC_CTYPE"} == VARIABLES
    assert told["environment"]["COLOUR"] == "red"
    assert told["folder"] == told["environment"]["LAMBDA_TASK_ROOT"] == str(tmp_path)


def test_runtime_log_has_everything_printed(toy: Runtime) -> None:
    toy.invoke({})
    invocation = toy.invoke({"do": "print('é'); logging.info('logged'); sys.stderr.write('to stderr\\n')"})
    printed, logged, to_stderr = invocation.log_lines
    assert (printed, to_stderr) == ("é", "to stderr")
    assert logged.split("\t")[0] == "[INFO]"
    assert logged.split("\t")[2:] == [invocation.request_id, "logged"]


def test_runtime_error_keeps_the_environment(toy: Runtime) -> None:
    before = toy.invoke({})
    failed = toy.invoke({"do": "raise ValueError('no luck')"})
    assert error(failed) == ("ValueError", "no luck")
    assert failed.payload["requestId"] == failed.request_id
    assert any("in handler" in line for line in failed.payload["stackTrace"])
    (line,) = failed.log_lines
    assert line.startswith("[ERROR] ValueError: no luck\rTraceback")
    after = toy.invoke({})
    assert (after.payload["pid"], after.payload["count"]) == (before.payload["pid"], 3)


def test_runtime_answer_without_json_is_an_error(toy: Runtime) -> None:
    kind, message = error(toy.invoke({"tell": "{'set': {1}}"}))
    assert kind == "Runtime.MarshalError"
    assert "not JSON serializable" in message


def test_runtime_timeout_kills_and_next_invocation_is_cold(start: Start, tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text(COUNTS)
    toy = start(tmp_path, handler="index.handler", timeout=3)
    before = toy.invoke({})
    child = (
        "import subprocess; child = subprocess.Popen(['sleep', '600']); print(child.pid, flush=True); time.sleep(600)"
    )
    started = time.monotonic()
    killed = toy.invoke({"do": child})
    assert 3 <= time.monotonic() - started < 600
    message = f"RequestId: {killed.request_id} Error: Task timed out after 3.00 seconds"
    assert error(killed) == ("Sandbox.Timedout", message)
    (printed,) = killed.log_lines
    wait_until_gone(int(printed))  # its children end with it
    after = toy.invoke({})
    assert (after.kind, after.report.cold, after.payload["count"]) == ("ok", True, 1)
    assert after.payload["pid"] != before.payload["pid"]


def wait_until_gone(pid: int) -> None:
    """Wait until a process has ended or is a zombie."""

    def is_gone() -> bool:
        process = Path(f"/proc/{pid}")
        try:
            is_zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            return is_zombie and len(list((process / "task").iterdir())) == 1  # other threads may end after the first
        except OSError:
            return True

    wait_until(is_gone, f"the end of process {pid}")


@pytest.mark.parametrize(
    ("do", "how"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        (f"os.kill(os.getpid(), {signal.SIGKILL:d})", "Runtime exited with error: signal: killed"),
    ],
)
def test_runtime_process_that_exits_is_an_error(toy: Runtime, do: str, how: str) -> None:
    ended = toy.invoke({"do": do})
    assert error(ended) == ("Runtime.ExitError", f"RequestId: {ended.request_id} Error: {how}")
    assert ended.report.seconds < TIMEOUT, "the deadline is not waited for"
    assert toy.invoke({}).payload["count"] == 1


def test_runtime_process_that_exits_after_its_answer_is_replaced(toy: Runtime) -> None:
    first = toy.invoke({"do": "import threading; threading.Timer(0.1, os._exit, [0]).start()"})
    wait_until_gone(first.payload["pid"])
    sandbox = toy._sandbox
    wait_until(lambda: sandbox is None or not sandbox.is_alive, "the runtime to notice the end of the process")
    second = toy.invoke({})
    assert (first.kind, second.kind) == ("ok", "ok")
    assert (second.report.cold, second.payload["count"]) == (True, 1)


@pytest.mark.parametrize(
    ("source", "kind", "says"),
    [
        ("raise RuntimeError('no start')", "RuntimeError", "no start"),
        ("import nothing_of_this_name", "Runtime.ImportModuleError", "nothing_of_this_name"),
        ("def other(event, context): ...", "Runtime.HandlerNotFound", "Handler 'handler' missing"),
        ("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index'"),
        ("import os; print('last words'); os._exit(2)", "Runtime.ExitError", "exit status 2"),
    ],
)
def test_runtime_function_that_cannot_start_is_an_error(
    start: Start, tmp_path: Path, source: str, kind: str, says: str
) -> None:
    (tmp_path / "index.py").write_text(source)
    function = start(tmp_path, handler="index.handler")
    failed = function.invoke({})
    assert error(failed)[0] == kind
    assert says in error(failed)[1]
    assert any(word in line for line in failed.log_lines for word in (says, "last words"))
    (tmp_path / "index.py").write_text(COUNTS)
    assert function.invoke({}).kind == "ok"


def test_runtime_init_time_does_not_count_as_timeout(start: Start, tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text("import time; time.sleep(3.5)\n" + COUNTS)
    assert start(tmp_path, handler="index.handler", timeout=3).invoke({}).kind == "ok"


def test_runtime_runs_one_event_at_a_time(toy: Runtime) -> None:
    toy.invoke({})
    answers: list[Invocation] = []
    event = {"do": "event['began'] = time.monotonic(); time.sleep(0.1)"}
    event["tell"] = "{'began': event['began'], 'ended': time.monotonic()}"
    threads = [threading.Thread(target=lambda: answers.append(toy.invoke(event))) for _unused in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = sorted((answer.payload["began"], answer.payload["ended"]) for answer in answers)
    assert sorted(answer.payload["count"] for answer in answers) == [2, 3, 4, 5]
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells it")
def test_runtime_report_has_cpu_and_memory(toy: Runtime) -> None:
    burn = "end = time.process_time() + 0.2\nwhile time.process_time() < end: pass\nkept = bytearray(b'x' * 50_000_000)"
    cold, burnt, idle = (
        toy.invoke({}).report,
        toy.invoke({"do": burn}).report,
        toy.invoke({"do": "time.sleep(0.2)"}).report,
    )
    assert cold.cpu_seconds is not None
    assert burnt.cpu_seconds is not None
    assert idle.cpu_seconds is not None
    assert cold.cpu_seconds > 0.01
    assert 0.2 <= burnt.cpu_seconds < burnt.seconds + 0.1
    assert idle.cpu_seconds < 0.1
    assert idle.seconds >= 0.2
    assert cold.max_rss is not None
    assert burnt.max_rss is not None
    assert burnt.max_rss - cold.max_rss > 45_000_000


def test_runtime_passes_large_event_and_answer(toy: Runtime) -> None:
    text = "ü" * 1_000_000
    assert toy.invoke({"text": text, "tell": "{'text': event['text']}"}).payload["text"] == text
