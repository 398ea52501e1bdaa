# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No process or file remains, however the embedded AWS ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_aws import Configuration, EmbeddedAws, RunningAws, StartError, State, cli, down
from embedded_aws.http_server import call
from toys import Place, until

EXTENSIONS = Path(__file__).resolve().parents[3] / "extensions"
# Runs for ten minutes, and has started a process in another process group.
BUSY = """
import subprocess, time
def handler(event, context):
    subprocess.Popen(["sleep", "601"], start_new_session=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put temporary files into the test's folder, which also identifies its processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield
    down(tmp_path / "state.json")  # in case the test failed before


def processes(folder: Path) -> list[str]:
    """Return the command lines of other processes with the folder in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            environment = (process / "environ").read_bytes() if process.name.isdigit() else b""
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder).encode() in environment and int(process.name) != os.getpid() and command:
            found.append(f"{process.name} {command}")
    return found


def parent_of(process: str) -> int:
    """Return the id of the parent of one of `processes`."""
    return int(Path("/proc", process.split(maxsplit=1)[0], "stat").read_text().rpartition(")")[2].split()[1])


def leftovers(folder: Path) -> list[str]:
    return [str(path) for path in folder.glob("embedded-aws-*")] + processes(folder)


def keep_busy(aws: RunningAws, folder: Path) -> None:
    """Run a function with a worker and a grandchild process."""
    place = Place(aws, "222222222222", "eu-west-1")
    place.lambda_.invoke(FunctionName=place.function(BUSY, Timeout=900), InvocationType="Event")
    sleeping = until(lambda: [line for line in processes(folder) if "sleep 601" in line])
    assert sleeping
    assert [line for line in processes(folder) if line.startswith(f"{parent_of(sleeping[0])} ")]


def test_block_end_leaves_no_process_or_file(tmp_path: Path) -> None:
    with EmbeddedAws() as aws:
        keep_busy(aws, tmp_path)
        assert list(tmp_path.glob("embedded-aws-*"))
    assert leftovers(tmp_path) == []


def test_exception_leaves_no_process_or_file(tmp_path: Path) -> None:
    def fail() -> None:
        with EmbeddedAws() as aws:
            keep_busy(aws, tmp_path)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert leftovers(tmp_path) == []


PARENT = """
import os, sys, time
sys.path[:0] = {paths!r}
from embedded_aws import EmbeddedAws
from pathlib import Path
from test_lifetime import keep_busy
with EmbeddedAws() as aws:
    keep_busy(aws, Path({folder!r}))
    print(aws.state.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a process that runs an embedded AWS; yield it and its supervisor's process id."""
    source = PARENT.format(paths=[str(EXTENSIONS), str(Path(__file__).parent)], folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, int(process.stdout.readline())
    process.kill()
    process.wait()


def test_killed_parent_leaves_no_process_or_file(parent: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    process, _unused = parent
    process.kill()
    process.wait()
    assert until(lambda: not leftovers(tmp_path)), leftovers(tmp_path)


def test_killed_supervisor_leaves_only_detached_grandchildren(
    parent: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    """Only the supervisor can find the grandchild."""
    _unused, supervisor = parent
    os.kill(supervisor, signal.SIGKILL)

    def others() -> list[str]:
        return [line for line in leftovers(tmp_path) if "sleep 601" not in line and "-c" not in line.split()]

    assert until(lambda: not others()), others()
    for line in processes(tmp_path):
        if "sleep 601" in line:
            os.kill(int(line.split()[0]), signal.SIGKILL)


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXTENSIONS / "embedded_aws", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_up_and_down_start_and_stop_one_instance(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    done = command("up", "--state", file, "--set", "filter_slots=2", "--regions", "eu-north-1")
    assert done.returncode == 0, done.stderr
    state = State.read(file)
    assert file.stat().st_mode & 0o077 == 0
    assert state.regions == ["eu-north-1"]
    aws = RunningAws.read(file)
    assert aws.client("logs", "222222222222", "eu-north-1").describe_log_groups()["logGroups"] == []
    assert call(state.front_url, "GET", "/_embedded_aws/settings")["filter_slots"] == 2
    assert cli.main(["up", "--state", str(file)]) == 0
    assert State.read(file) == state  # it was not restarted
    done = command("down", "--state", file)
    assert (done.returncode, done.stdout) == (0, "The embedded AWS is stopped.\n")
    assert leftovers(tmp_path) == []
    assert not file.exists()
    assert not Path(state.log).exists()
    assert cli.main(["down", "--state", str(file)]) == 0


def test_down_after_a_kill_removes_the_state(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    assert cli.main(["up", "--state", str(file)]) == 0
    os.kill(State.read(file).pid, signal.SIGKILL)
    assert until(lambda: not processes(tmp_path))
    assert cli.main(["down", "--state", str(file)]) == 0
    assert not file.exists()


def test_idle_instance_ends(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    assert cli.main(["up", "--state", str(file), "--idle-timeout", "5"]) == 0
    url = State.read(file).front_url
    end = time.monotonic() + 7
    while time.monotonic() < end:  # it runs as long as it gets requests
        time.sleep(0.2)
        call(url, "GET", "/_front/instance")
    assert until(lambda: not leftovers(tmp_path)), leftovers(tmp_path)


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--set", "colour=1", "Unknown setting 'colour'"),
        ("--members", "12", "'12' is no account id"),
        ("--deployer-policy", "/nowhere", "No such file"),
    ],
)
def test_up_invalid_option_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, problem: str
) -> None:
    assert cli.main(["up", "--state", str(tmp_path / "state.json"), option, value]) == 1
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1


def test_failed_start_reports_the_cause_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="MalformedPolicyDocument"):
        EmbeddedAws(Configuration(deployer_policy={"Statement": "nonsense"})).__enter__()
    assert leftovers(tmp_path) == []


def test_killed_ministack_leaves_no_process_or_file(tmp_path: Path) -> None:
    with EmbeddedAws() as aws:
        (server,) = [line for line in processes(tmp_path) if parent_of(line) == aws.state.pid]
        keep_busy(aws, tmp_path)
        os.kill(int(server.split()[0]), signal.SIGKILL)
        assert until(lambda: not leftovers(tmp_path)), leftovers(tmp_path)
