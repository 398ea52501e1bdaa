# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU of the reflector per MB of log events, beside the least that such a function needs. Writes build/bench/reflector.json.

The figures are CPU milliseconds (user + system) of `handler.handler` per MB (10^6 bytes) of decompressed payload. Each
invocation posts to a sink on loopback in another process. The floor is base64, gunzip and `json.loads` of the same event,
and gzip of the posted text, by the standard library at the same level. Function and floor run in turn in one process, and
both packages run in turn. All figures are medians.
"""

from __future__ import annotations

import json
import marshal
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "build" / "collections"))

from _payloads import large, mixed, subscription_event  # noqa: E402
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions  # noqa: E402
from ansible_collections.logreflector.aws.plugins.module_utils._parts.packages import reflector_package  # noqa: E402

SIZES = (10, 1000, 5000)
LARGE = 30_000_000
ROUNDS = 5


def main() -> None:
    """Measure and write the figures."""
    with tempfile.TemporaryDirectory() as name, sink() as url:
        folder = Path(name)
        events = {str(size): write_event(folder / str(size), mixed(size)) for size in SIZES}
        heavy = write_event(folder / "large", large(LARGE))
        packages = {"stdlib": build_package(folder, native=False), "native": build_package(folder, native=True)}
        rounds: dict[str, list[dict[str, Any]]] = {package: [] for package in packages}
        for _unused in range(ROUNDS):
            for package, path in packages.items():
                costs = ask_child(path, url, "cost", *events.values())
                rounds[package].append(
                    {
                        **{size: costs[event] for size, event in events.items()},
                        **ask_child(path, url, "first", events["10"]),
                        **ask_child(path, url, "peak", heavy),
                    }
                )
    figures = {package: medians(found) for package, found in rounds.items()}
    path = ROOT / "build" / "bench" / "reflector.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    report(figures)


def write_event(path: Path, payload: dict[str, Any]) -> str:
    """Write the event of this payload to a file and return its path."""
    path.write_bytes(marshal.dumps(subscription_event(payload)))
    return str(path)


def build_package(folder: Path, *, native: bool) -> Path:
    """Build the function's package for this machine as the role does, and unpack it."""
    place = folder / ("native-package" if native else "package")
    options = ReflectorOptions(
        native=native,
        runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        architecture={"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine],
        package_file=str(place.with_suffix(".zip")),
    )
    built = reflector_package(options, check_mode=False)
    with zipfile.ZipFile(built.path) as package:
        package.extractall(place)
    return place


def ask_child(package: Path, url: str, *arguments: str) -> dict[str, Any]:
    """Return the figures that a new process measures for that package."""
    environment = {**os.environ, "PYTHONPATH": str(package), "SUMO_ENDPOINT": url}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # the first run compiles, as a Lambda's first start does
    child = str(
        Path(__file__).with_name("_reflector_child.py")
    )  # -P: or this file would be its module reflector; -S: no library but its own
    run = subprocess.run(
        [sys.executable, "-S", "-P", child, *arguments], env=environment, stdout=subprocess.PIPE, check=True
    )
    answer: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answer


def medians(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each figure."""
    first = found[0]
    return {
        name: medians([one[name] for one in found])
        if isinstance(first[name], dict)
        else round(statistics.median(one[name] for one in found), 2)
        for name in first
    }


def report(figures: dict[str, Any]) -> None:
    """Print a table."""
    print(f"{'package':8} {'events':>6} {'ms/MB':>7} {'floor':>7} {'x floor':>8} {'posted bytes':>13}")
    for package, found in figures.items():
        for size in map(str, SIZES):
            one = found[size]
            ratio = one["ms_per_mb"] / one["floor_ms_per_mb"]
            print(
                f"{package:8} {size:>6} {one['ms_per_mb']:7.2f} {one['floor_ms_per_mb']:7.2f} {ratio:8.2f}"
                f" {one['posted_bytes']:13.0f}"
            )
    for package, found in figures.items():
        print(
            f"{package}: first invocation {found['import_cpu_ms']:.0f} CPU-ms with its imports;"
            f" peak {found['peak_mb']:.0f} MB with {LARGE // 1_000_000} MB of text"
        )
    for size in ("1000", "5000"):
        share = figures["native"][size]["ms_per_mb"] / figures["stdlib"][size]["ms_per_mb"]
        print(f"native / stdlib at {size} events: {share:.2f}")


@contextmanager
def sink() -> Iterator[str]:
    """Run an HTTP server in its own process; its URL."""
    with subprocess.Popen([sys.executable, __file__, "sink"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        finally:
            server.kill()


class Accepting(BaseHTTPRequestHandler):
    """Answers 200 to everything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_unused: object) -> None:
        pass


if __name__ == "__main__":
    if sys.argv[1:] == ["sink"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Accepting)
        print(server.server_port, flush=True)
        server.serve_forever()
    main()
