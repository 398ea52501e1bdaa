# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's Chromium, driven by its chromedriver over plain HTTP (W3C WebDriver, and chromedriver's own path for DevTools commands)."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--disable-lcd-text",
)
WITHOUT = "Chromium and its driver are needed: apt-get install chromium chromium-driver"


class BrowserError(Exception):
    """Chromium is missing, or refuses a command."""


class Browser:
    """A session of Chromium."""

    def __init__(self, port: int, downloads: Path) -> None:
        """Open the session at a chromedriver that listens on this port."""
        self._base = f"http://127.0.0.1:{port}"
        self.downloads = downloads
        options = {"args": [*FLAGS, f"--user-data-dir={downloads / 'profile'}"], "binary": shutil.which("chromium")}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self._post("/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/session/{answer['sessionId']}"

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise BrowserError(json.load(error)["value"]["message"]) from error

    def command(self, method: str, **parameters: Any) -> Any:
        """Run a DevTools command."""
        return self._post(f"{self._session}/goog/cdp/execute", {"cmd": method, "params": parameters})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function, and return what its promise becomes."""
        body = f"return (async () => {{ {script} }})()"
        return self._post(f"{self._session}/execute/sync", {"script": body, "args": list(arguments)})

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file, and wait until its table is ready. Another fragment of the same file would not load it again."""
        self._post(f"{self._session}/url", {"url": "about:blank"})
        self._post(f"{self._session}/url", {"url": path.as_uri() + fragment})
        self.run("while (!('ready' in document.documentElement.dataset)) await new Promise((r) => setTimeout(r, 5));")

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the window and the preferred colours."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write a picture of the window, or of the whole page."""
        shot = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def messages(self) -> list[str]:
        """Return what the console said since the last call: errors of scripts, and refusals of the policy."""
        return [entry["message"] for entry in self._post(f"{self._session}/se/log", {"type": "browser"})]

    def close(self) -> None:
        """End the session and its browser."""
        request = urllib.request.Request(self._base + self._session, method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()


@contextmanager
def browser() -> Iterator[Browser]:
    """Give a browser with an empty profile. Raises BrowserError if Chromium or its driver is missing."""
    driver = shutil.which("chromedriver")
    if not driver or not shutil.which("chromium"):
        raise BrowserError(WITHOUT)
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            session = Browser(_port(process), Path(folder))
            try:
                yield session
            finally:
                session.close()
        finally:
            process.terminate()
            process.wait()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(r"successfully on port (\d+)", line):
            return int(match[1])
    raise BrowserError("chromedriver did not start")
