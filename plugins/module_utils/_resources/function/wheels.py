# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wheels for a Lambda package: pinned by hash, downloaded by pip for Lambda's platform, kept in a cache."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import io
import os
import re
import sys
import zipfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..._errors import InvalidInputError, ReflectorError, RefusedError

_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)==([\w.!+]+)((?:\s+--hash=sha256:[0-9a-f]{64})+)", re.ASCII)
_KEPT_OF_DIST_INFO = re.compile(r"METADATA|licenses/.+|(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*")
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_LONGEST_DOWNLOAD = 600  # seconds; pip itself gives up on a dead index long before


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement: exactly this version, in a wheel with one of these SHA-256 (hexadecimal)."""

    name: str
    version: str
    hashes: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform of the wheels, in Lambda's words: runtime "python3.13", architecture "arm64" or "x86_64".

    InvalidInputError if the runtime is no Python.
    """

    runtime: str
    architecture: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"python3\.[1-9]\d?", self.runtime, re.ASCII):
            raise InvalidInputError(
                "runtime", f"{self.runtime!r} is not a Python runtime of Lambda, such as python3.13"
            )

    def __str__(self) -> str:
        return f"{self.runtime} on {self.architecture}"

    @property
    def minor(self) -> int:
        """13 for python3.13."""
        return int(self.runtime.removeprefix("python3."))

    def pip_options(self) -> list[str]:
        """Return pip's options for this platform, so that the machine and Python that run pip do not matter.

        The glibc is that of the runtime's system: 2.34 on Amazon Linux 2023 (python3.12 and later), 2.26 on Amazon
        Linux 2 (AWS pages "Lambda runtimes" and "Comparing AL2 and AL2023").
        """
        machine = _MACHINES[self.architecture]
        newest_glibc = 34 if self.minor >= 12 else 26
        tags = [
            *(f"manylinux_2_{glibc}_{machine}" for glibc in range(newest_glibc, 16, -1)),
            f"manylinux2014_{machine}",
        ]
        return [
            "--implementation=cp",
            f"--python-version=3.{self.minor}",
            f"--abi=cp3{self.minor}",
            *(f"--platform={tag}" for tag in tags),
        ]


def read_pins(path: Path) -> tuple[Pin, ...]:
    """Return the pins of a requirements file. Raises an error for a line without version and hash."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInputError("requirements", f"{path}: {message}") from error
    pins: dict[str, Pin] = {}
    for number, line in _logical_lines(text):
        match = _PIN.fullmatch(line)
        if not match:
            raise InvalidInputError(
                "requirements",
                f"{path}, line {number}: it is not NAME==VERSION --hash=sha256:HEX, with one hash or several",
            )
        name, version, hashes = match.groups()
        normalised = re.sub(r"[-_.]+", "-", name).lower()
        if normalised in pins:
            raise InvalidInputError("requirements", f"{path}, line {number}: {name} is there twice")
        pins[normalised] = Pin(name, version, frozenset(re.findall(r"sha256:(\w+)", hashes)))
    if not pins:
        raise InvalidInputError("requirements", f"{path} names nothing")
    return tuple(pins[name] for name in sorted(pins))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with their number as pip reads them: joined after a backslash, without comments and empty lines."""
    start, joined = 0, ""
    for number, line in enumerate([*text.splitlines(), ""], 1):
        start = start or number
        comment = re.match(r"\s*#", line)
        joined += "" if comment else re.sub(r"\s#.*", "", line)
        if joined.endswith("\\") and not comment:
            joined = joined[:-1] + " "
            continue
        if joined.strip():
            yield start, joined.strip()
        start, joined = 0, ""


def wheel_files(requirements: Path, platform: Platform) -> dict[str, bytes]:
    """Return the files that the wheels add to the package, by name inside the zip. Asks the package index only for what is
    not in the cache yet; whatever comes from either is checked against the hashes."""
    pins = read_pins(requirements)
    folder = cache_folder() / _key(pins, platform)
    try:
        wheels = _cached(folder, pins) or _download_missing(folder, pins, requirements, platform)
    except OSError as error:
        advice = "Set XDG_CACHE_HOME to a folder that can be written to."
        raise ReflectorError(
            f"keep wheels in the cache {folder}", error.strerror or str(error), advice=advice
        ) from error
    files: dict[str, bytes] = {}
    for name, wheel in wheels:
        for inside, data in unpacked(name, wheel).items():
            if inside in files:
                raise InvalidInputError("requirements", f"{inside} would come from {name} and from another wheel")
            files[inside] = data
    return files


def cache_folder() -> Path:
    """Return the folder for this user's wheels (XDG Base Directory Specification)."""
    return Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")) / "log-reflector" / "wheels"


def _key(pins: Sequence[Pin], platform: Platform) -> str:
    """Return the folder's name: one for each platform and set of pins, so that no package contains old wheels."""
    text = "\n".join(f"{pin} {' '.join(sorted(pin.hashes))}" for pin in pins)
    return f"{platform.runtime}-{platform.architecture}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


Wheels = list[tuple[str, bytes]]
"""File names of wheels with their bytes, in the order of the pins."""


def _cached(folder: Path, pins: Sequence[Pin]) -> Wheels | None:
    """Return a wheel for each pin, None if one is missing or damaged."""
    read = [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.whl"))]
    kept = {hashlib.sha256(data).hexdigest(): (name, data) for name, data in read}
    found = [[kept[digest] for digest in sorted(pin.hashes & kept.keys())][:1] for pin in pins]
    return [wheel for (wheel,) in found] if all(found) else None


def _download_missing(folder: Path, pins: Sequence[Pin], requirements: Path, platform: Platform) -> Wheels:
    """Download wheels into the cache and return them."""
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        wheels = _cached(folder, pins)  # another process may have downloaded them
        if not wheels:
            _download(folder, requirements, platform)
            wheels = _cached(folder, pins)
    if not wheels:
        raise ReflectorError(_operation(requirements, platform), "pip brought other files than those that are pinned")
    return wheels


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process download at a time: the others then find the wheels in the cache."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(folder: Path, requirements: Path, platform: Platform) -> None:
    """Run pip. A partly written file fails its hash check and is downloaded again."""
    command = [
        # -P: a pip.py in the working directory is not pip
        *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--only-binary=:all:", "--no-deps", "--require-hashes", *platform.pip_options()),
        *(f"--dest={folder}", f"--requirement={requirements}"),
    ]
    operation = _operation(requirements, platform)
    try:
        status, errors = asyncio.run(_run(command))
    except TimeoutError as error:
        raise ReflectorError(
            operation, f"pip had not ended after {_LONGEST_DOWNLOAD} seconds", advice=_INDEX
        ) from error
    if status:
        raise _failure(operation, errors)


async def _run(command: Sequence[str]) -> tuple[int | None, str]:
    """Return exit status and standard error of a program. Raises TimeoutError.

    asyncio and not subprocess: ansible-test refuses subprocess here, because a module has AnsibleModule.run_command, but this code
    also runs in Ansible's worker.
    """
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    try:
        _output, errors = await asyncio.wait_for(process.communicate(), _LONGEST_DOWNLOAD)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode, errors.decode(errors="replace")


def _operation(requirements: Path, platform: Platform) -> str:
    return f"bring the wheels of {requirements} for {platform}"


_INDEX = (
    "Check that this machine reaches a package index that has them, or name one as for any pip "
    "(PIP_INDEX_URL, PIP_FIND_LINKS)."
)


def _failure(operation: str, stderr: str) -> ReflectorError:
    """Return the error for pip's message."""
    if "No module named pip" in stderr:
        advice = f"Install it, for example with {sys.executable} -m ensurepip."
        return ReflectorError(operation, f"{sys.executable} has no pip", advice=advice)
    if "DO NOT MATCH THE HASHES" in stderr:
        advice = "Compare the hash with what the project itself has published: the pin is wrong, or the file is forged."
        return RefusedError(
            operation, "the package index gave a file with another hash than the pinned ones", advice=advice
        )
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    message = errors[-1] if errors else (stderr.strip().splitlines() or ["pip failed without an error message"])[-1]
    return ReflectorError(operation, re.sub(r"://[^/@\s]+@", "://***@", message), advice=_INDEX)


def unpacked(name: str, wheel: bytes) -> dict[str, bytes]:
    """Return a wheel's files by their path in site-packages; of its dist-info only metadata and licences.

    RECORD and the like serve installers. METADATA tells scanners what is in the package.
    """
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and _belongs(name, entry.filename):
                    files[entry.filename] = archive.read(entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ReflectorError(f"unpack the wheel {name}", str(error)) from error
    return files


def _belongs(wheel: str, inside: str) -> bool:
    """Return whether a file of a wheel is packed. Raises an error if it would be written outside its folder."""
    top, _unused, below = inside.partition("/")
    if inside.startswith("/") or ".." in PurePosixPath(inside).parts or top.endswith(".data"):
        raise RefusedError(f"unpack the wheel {wheel}", f"its file {inside} does not belong below site-packages")
    return not top.endswith(".dist-info") or bool(_KEPT_OF_DIST_INFO.fullmatch(below))
