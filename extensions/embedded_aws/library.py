# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, find and stop an embedded AWS."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from .front import FrontClient
from .http_server import call
from .organization import Keys, LocalSession, deployer_session, root_session
from .settings import Configuration, Settings
from .sink import SinkClient
from .state import State

_END_SECONDS = 120.0


class StartError(RuntimeError):
    """The embedded AWS did not start. The message ends with the server's log."""


class RunningAws:
    """A handle on an embedded AWS that runs in other processes."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.endpoint_url = state.endpoint_url
        self.sink_url = state.sink_url
        self.front = FrontClient(state.front_url)
        self.sink = SinkClient(state.sink_control_url)
        self._sessions: dict[tuple[str, str], LocalSession] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    @classmethod
    def read(cls, state_file: str | Path) -> RunningAws:
        """Return a handle on the instance that `up --state FILE` started."""
        return cls(State.read(Path(state_file)))

    def session(self, account: str, region: str) -> LocalSession:
        """Return a boto3 session of the account's root, for setup and inspection."""
        return root_session(self.endpoint_url, account, region)

    def client(self, service: str, account: str, region: str, **options: Any) -> Any:
        """Return a boto3 client of the account's root. Without options it is created once: that takes more CPU than a call."""
        with self._lock:  # threads may share clients, but not create them together
            place = (account, region)
            if place not in self._sessions:
                self._sessions[place] = self.session(account, region)
            if options:
                return self._sessions[place].client(service, **options)
            key = (service, *place)
            if key not in self._clients:
                self._clients[key] = self._sessions[place].client(service)
            return self._clients[key]

    def deployer_session(self, account: str, region: str) -> LocalSession:
        """Return a boto3 session with the role that deployments assume."""
        environment = self.state.environment
        keys = Keys(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        return deployer_session(self.endpoint_url, keys, account, region)

    def deploy_environment(self) -> dict[str, str]:
        """Return the environment variables of the engineer who deploys. They name no region."""
        return dict(self.state.environment)

    def settings(self) -> Settings:
        """Return the current settings."""
        return Settings().changed(call(self.state.front_url, "GET", "/_embedded_aws/settings"))

    def configure(self, **changes: Any) -> None:
        """Change settings while it runs. Raises ValueError for a wrong name or value."""
        call(self.state.front_url, "PATCH", "/_embedded_aws/settings", changes)

    def events_under_way(self) -> int:
        """Return the number of undelivered CloudTrail events and of asynchronous invocations in progress, retries included."""
        number: int = call(self.state.front_url, "GET", "/_embedded_aws/events-under-way")
        return number

    def log(self) -> str:
        """Return the server's log."""
        return Path(self.state.log).read_text(errors="replace")


class EmbeddedAws:
    """Run an embedded AWS during a `with` block. Nothing remains afterwards, even if this process is killed."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = configuration or Configuration()
        self._supervisor: subprocess.Popen[str] | None = None

    def __enter__(self) -> RunningAws:
        self._supervisor, state = _start(self._configuration, stay=False, log=None)
        return RunningAws(state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        supervisor = self._supervisor
        if supervisor is None or supervisor.stdin is None:
            return
        supervisor.stdin.close()
        try:
            supervisor.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            supervisor.kill()  # MiniStack and its workers end with it
            raise
        finally:
            if supervisor.stdout is not None:
                supervisor.stdout.close()


def up(state_file: Path, configuration: Configuration) -> State:
    """Start an embedded AWS that keeps running, and write the state file. Keep an instance that runs already."""
    if state_file.exists():
        state = State.read(state_file)
        if _is_running(state):
            return state
    log = state_file.with_name(state_file.name + ".log")
    _unused, state = _start(configuration, stay=True, log=log)
    draft = state_file.with_name(f"{state_file.name}.{os.getpid()}")
    draft.touch(mode=0o600)  # it has keys in it, though of an emulator
    draft.write_text(state.to_json())
    draft.replace(state_file)
    return state


def down(state_file: Path) -> bool:
    """Stop the instance that `up` started; remove the state file and the log. Return whether it was running."""
    if not state_file.exists():
        return False
    state = State.read(state_file)
    running = _is_running(state)
    if running:
        with contextlib.suppress(OSError):  # it may end before it has answered
            call(state.front_url, "DELETE", "/_front/instance")
        _wait_for_end(state.pid)
    state_file.unlink(missing_ok=True)
    Path(state.log).unlink(missing_ok=True)
    return running


def _is_running(state: State) -> bool:
    """Return whether the instance of this state still answers."""
    try:
        answer: dict[str, Any] = call(state.front_url, "GET", "/_front/instance", timeout=10)
    except (OSError, ValueError):
        return False
    return answer.get("pid") == state.pid


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        if not _is_alive(pid):
            return
        time.sleep(0.02)
    raise TimeoutError(f"The embedded AWS (process {pid}) did not end within {_END_SECONDS:.0f} seconds.")


def _is_alive(pid: int) -> bool:
    """Return whether a process runs. A zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _start(configuration: Configuration, *, stay: bool, log: Path | None) -> tuple[subprocess.Popen[str], State]:
    configuration.organization.check()
    command = [sys.executable, str(Path(__file__).parent), "supervise"]
    command += ["--stay"] if stay else []
    command += ["--log", str(log)] if log else []
    with contextlib.ExitStack() as stack:
        supervisor = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # An instance that keeps running must not hold the caller's pipes open.
            stderr=stack.enter_context(log.open("w")) if log else None,
            text=True,
            start_new_session=True,
            cwd="/",
        )
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    try:
        supervisor.stdin.write(configuration.to_json() + "\n")
        supervisor.stdin.flush()
        answer = json.loads(supervisor.stdout.readline() or '{"error": "It ended without a message."}')
    except BaseException:
        _end(supervisor)
        raise
    if "error" in answer:
        _end(supervisor)
        raise StartError(f"The embedded AWS did not start. {answer['error']}")
    if stay:
        supervisor.stdin.close()
    return supervisor, State.from_json(answer["state"])


def _end(supervisor: subprocess.Popen[str]) -> None:
    """Let the supervisor clean up, then kill it."""
    with contextlib.suppress(OSError):
        supervisor.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        supervisor.wait(_END_SECONDS)
    supervisor.kill()
