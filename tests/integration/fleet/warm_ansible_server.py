# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a request from each line of standard input, and forks a program of Ansible for it: warm_ansible.py starts this program."""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import random
import shutil
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ansible import constants
from ansible.cli import inventory, playbook
from ansible.plugins.loader import (
    action_loader,
    become_loader,
    cache_loader,
    callback_loader,
    connection_loader,
    filter_loader,
    init_plugin_loader,
    inventory_loader,
    shell_loader,
    strategy_loader,
    test_loader,
)
from ansible.utils import vars as unique_ids
from botocore.utils import JSONFileCache

ACTIONS = Path(__file__).resolve().parents[3] / "plugins" / "action"

PROGRAMS = {"ansible-playbook": playbook.main, "ansible-inventory": inventory.main}


def serve() -> None:
    """Fork a process for each request. Each is watched by another one, which writes the exit status."""
    init_plugin_loader()
    # Each run calls it again.
    warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already been configured")
    importlib.import_module("ansible_collections.ansible.builtin")
    for plugin in pkgutil.iter_modules([str(ACTIONS)]):
        action_loader.get(f"logreflector.aws.{plugin.name}", class_only=True)
    # Each run loads these. The first two are in files with many others.
    for loader, names in (
        (filter_loader, ["ansible.builtin.default"]),
        (test_loader, ["ansible.builtin.defined"]),
        (strategy_loader, ["linear"]),
        (cache_loader, ["memory"]),
        (inventory_loader, constants.INVENTORY_ENABLED),
    ):
        for name in names:
            loader.get(name, class_only=True)
    # ansible-playbook loads all of these at its start.
    for loader in (become_loader, callback_loader, connection_loader, shell_loader):
        list(loader.all(class_only=True))
    gc.freeze()  # the garbage collector of a run need not touch and so copy these pages
    for line in sys.stdin:
        if not os.fork():
            _watch(json.loads(line))
        os.wait3(os.WNOHANG)


def _watch(request: Mapping[str, Any]) -> NoReturn:
    pid = os.fork()
    if not pid:
        _play(request)
    sys.stdout.write(f"{pid}\n")
    sys.stdout.flush()
    _pid, status = os.waitpid(pid, 0)
    draft = Path(f"{request['status']}.draft")
    draft.write_text(str(os.waitstatus_to_exitcode(status)))
    draft.rename(request["status"])
    os._exit(0)


def _play(request: Mapping[str, Any]) -> NoReturn:
    """Become the program, with what a new process would have of its own: session, files, temporary folder, random ids."""
    os.setsid()
    output, errors = (
        os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for name in ("output", "errors")
    )
    for standard, descriptor in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, errors)):
        os.dup2(descriptor, standard)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    JSONFileCache.CACHE_DIR = str(Path.home() / ".aws" / "boto" / "cache")  # botocore reads HOME at its import
    atexit._clear()  # what the server registered is not the run's
    random.seed()
    unique_ids.random_int = f"{random.getrandbits(32):08x}"
    constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(
        prefix="ansible-local-", dir=Path(constants.DEFAULT_LOCAL_TMP).parent
    )
    sys.argv = [request["program"], *request["arguments"]]
    status = 250  # Ansible's own for what nobody expected
    try:
        PROGRAMS[request["program"]](sys.argv)
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        shutil.rmtree(constants.DEFAULT_LOCAL_TMP, ignore_errors=True)
        os._exit(status)


if __name__ == "__main__":
    serve()
