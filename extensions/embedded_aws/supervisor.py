# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main process of an embedded AWS: it runs the front and the sink, starts MiniStack, and leaves nothing behind.

It ends on SIGTERM, SIGINT and DELETE /_front/instance, when its parent ends (end of standard input, unless `stay`), when
it has been idle for too long, and when MiniStack ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from .front import Front
from .http_server import call
from .organization import Keys, bootstrap, deploy_environment
from .settings import DEPLOYER_ROLE, Configuration
from .sink import Sink
from .state import State

_READY_SECONDS = 300.0  # some seconds are usual, and a busy machine takes many times as long
_PR_SET_CHILD_SUBREAPER = 36


def main(stay: bool, log: str | None) -> int:
    """Read the configuration from the first line of standard input; report the state or an error as one line of JSON."""
    configuration = Configuration.from_json(sys.stdin.readline())
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_unused: end.set())
    if not stay:
        threading.Thread(target=_end_with_parent, args=(end,), daemon=True).start()
    _adopt_orphans()
    directory = Path(tempfile.mkdtemp(prefix="embedded-aws-"))
    log_file = Path(log) if log else directory / "server.log"
    try:
        with _running(configuration, directory, log_file, end) as (front, sink, ministack, state):
            _report({"state": state.to_json()})
            _wait(configuration, front, sink, ministack, end)
    except Exception:
        tail = log_file.read_text(errors="replace")[-4000:] if log_file.exists() else ""
        _report({"error": f"{traceback.format_exc(limit=3)}\nThe server's log ends with:\n{tail}"})
        return 1
    else:
        return 0
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _report(value: dict[str, str]) -> None:
    with contextlib.suppress(OSError):
        print(json.dumps(value), flush=True)
        # The caller does not have to read any further.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end_with_parent(end: threading.Event) -> None:
    sys.stdin.read()
    end.set()


@contextlib.contextmanager
def _running(
    configuration: Configuration, directory: Path, log: Path, end: threading.Event
) -> Iterator[tuple[Front, Sink, subprocess.Popen[str], State]]:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
        address: tuple[str, int] = listener.getsockname()
        sink, front = Sink(), Front(address, stop=end.set)
        for server in (sink, front):
            server.start()
            stack.callback(server.stop)
        ministack = _start_ministack(configuration, directory, log, listener, front.url)
        stack.callback(_end_processes, ministack)
        keys = _create_organization(configuration, ministack, f"http://{address[0]}:{address[1]}", end)
        yield front, sink, ministack, _state(configuration, front, sink, keys, log)


def _state(configuration: Configuration, front: Front, sink: Sink, keys: Keys, log: Path) -> State:
    organization = configuration.organization
    return State(
        endpoint_url=front.url,
        front_url=front.url,
        sink_url=sink.url,
        sink_control_url=sink.control_url,
        pid=os.getpid(),
        organization_id=organization.id,
        management_account=organization.management,
        accounts=list(organization.accounts),
        regions=list(organization.regions),
        deployer_role=DEPLOYER_ROLE,
        environment=deploy_environment(keys, front.url),
        log=str(log),
    )


def _start_ministack(
    configuration: Configuration, directory: Path, log: Path, listener: socket.socket, endpoint_url: str
) -> subprocess.Popen[str]:
    """Start MiniStack in its own process group, which its Lambda workers share, without the caller's environment."""
    temporary = directory / "tmp"
    temporary.mkdir()
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": str(directory),
        "TMPDIR": str(temporary),
        "STATE_DIR": str(directory / "state"),
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": configuration.organization.management,
        "MINISTACK_REGION": configuration.organization.regions[0],
        # Queue URLs and the calls of Lambda functions use the front.
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": endpoint_url.rpartition(":")[2],
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent), "server", str(listener.fileno()), str(directory)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=[listener.fileno()],
            process_group=0,
            text=True,
        )
    assert process.stdin is not None
    process.stdin.write(configuration.to_json() + "\n")
    process.stdin.flush()  # and left open: MiniStack ends when this pipe ends
    return process


def _create_organization(
    configuration: Configuration, ministack: subprocess.Popen[str], url: str, end: threading.Event
) -> Keys:
    """Wait until MiniStack answers, then fill its accounts. The socket listens already, so the first call waits."""
    result: list[Keys] = []
    failed: list[Exception] = []

    def make() -> None:
        try:
            call(url, "GET", "/_embedded_aws/settings", timeout=_READY_SECONDS)
            result.append(bootstrap(configuration.organization, configuration.deployer_policy, url))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    deadline = time.monotonic() + _READY_SECONDS
    while thread.is_alive():
        thread.join(0.02)
        if ministack.poll() is not None:
            raise RuntimeError(f"MiniStack ended with status {ministack.returncode} while starting.")
        if end.is_set():
            raise RuntimeError("It was stopped during its start.")
        if time.monotonic() > deadline:
            raise RuntimeError(f"MiniStack was not ready within {_READY_SECONDS:.0f} seconds.")
    if failed:
        raise failed[0]
    return result[0]


def _wait(
    configuration: Configuration, front: Front, sink: Sink, ministack: subprocess.Popen[str], end: threading.Event
) -> None:
    idle = configuration.idle_timeout
    started = time.monotonic()
    while not end.wait(0.2):
        if ministack.poll() is not None:
            return
        last = max(started, front.last_request, sink.last_request)
        if idle is not None and time.monotonic() - last > idle:
            return


def _adopt_orphans() -> None:
    """Become the parent of orphaned descendants (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_processes(ministack: subprocess.Popen[str]) -> None:
    """Kill MiniStack with its workers, then processes that a function started in another process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(ministack.pid, signal.SIGKILL)
    ministack.wait()
    deadline = time.monotonic() + 30
    while (children := _children()) and time.monotonic() < deadline:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        time.sleep(0.01)


def _children() -> list[int]:
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        return []
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
