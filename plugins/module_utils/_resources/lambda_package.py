# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""A Lambda package: the zip that the same sources give on every machine, byte by byte. Asks no AWS."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from .._errors import InvalidInputError, LimitReachedError, ReflectorError
from .._plan import Change, Params, Result
from .wheels import Platform, wheel_files

LARGEST_PACKAGE = 50 * 1024 * 1024
"""Bytes of a zip that Lambda takes directly (AWS page "Lambda quotas", deployment package size)."""

_NEVER = ("__pycache__", "*.pyc", "*.pyo", ".*")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
_FILE_0644 = 0o100644 << 16
_MADE_ON_UNIX = 3


def code_sha256(package: bytes) -> str:
    """The hash as Lambda's CodeSha256 gives it: base64 of the SHA-256 of the whole zip."""
    return base64.b64encode(hashlib.sha256(package).digest()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder on this machine and where it stands in the zip ("" is the top)."""

    src: Path
    dest: str = ""

    def named(self, exclude: Sequence[str]) -> Iterator[tuple[str, Path]]:
        """Names inside the zip with the files they come from. A file that is named itself is never excluded."""
        if self.src.is_dir():
            folder = PurePosixPath(self.dest)
            for path in _walk(self.src, PurePosixPath(), exclude, frozenset()):
                yield str(folder / path.relative_to(self.src).as_posix()), path
        elif self.src.is_file():
            into_folder = not self.dest or self.dest.endswith("/")
            yield str(PurePosixPath(self.dest) / self.src.name if into_folder else PurePosixPath(self.dest)), self.src
        else:
            raise InvalidInputError("sources", f"{self.src} does not exist")


def _walk(folder: Path, inside: PurePosixPath, exclude: Sequence[str], above: frozenset[Path]) -> Iterator[Path]:
    """The files below a folder that belong into a package; links are followed, a link to a folder above is refused."""
    real = folder.resolve()
    if real in above:
        raise InvalidInputError("sources", f"the link {folder} leads back to a folder that it stands in")
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ReflectorError(f"read the source {folder}", error.strerror or str(error)) from error
    for entry in entries:
        name = inside / entry.name
        if _excluded(name, exclude):
            continue
        if entry.is_dir():
            yield from _walk(entry, name, exclude, above | {real})
        elif entry.is_file():
            yield entry
        else:
            raise InvalidInputError("sources", f"{entry} is neither a file nor a folder, or a link that leads nowhere")


def _excluded(path: PurePosixPath, exclude: Sequence[str]) -> bool:
    """Whether a pattern fits the name itself or its path below the source."""
    patterns = (*_NEVER, *exclude)
    return any(fnmatchcase(path.name, pattern) or fnmatchcase(str(path), pattern) for pattern in patterns)


def collect(sources: Iterable[Source], exclude: Sequence[str]) -> dict[str, Path]:
    """Every name inside the zip with its file, sorted by name. A name that two sources give is refused with both."""
    found: dict[str, Path] = {}
    for source in sources:
        for name, path in source.named(exclude):
            if name in found:
                raise InvalidInputError("sources", f"{name} would come from both {found[name]} and {path}")
            found[name] = path
    _refuse_file_and_folder(found)
    if not found:
        raise InvalidInputError("sources", "no file is in them, apart from what a package leaves out")
    return dict(sorted(found.items()))


def _refuse_file_and_folder(origins: Mapping[str, object]) -> None:
    """Refuse a name that is a file and a folder at once; `origins` says where each name comes from."""
    for name, origin in origins.items():
        for folder in PurePosixPath(name).parents:
            if str(folder) in origins:
                raise InvalidInputError(
                    "sources",
                    f"{folder} would be a file (from {origins[str(folder)]}) and a folder (from {origin})",
                )


def merged(sources: Mapping[str, bytes], wheels: Mapping[str, bytes], requirements: Path | None) -> dict[str, bytes]:
    """The files of both. A name that a source and a wheel give is refused: which of them would run?"""
    for name in sorted(sources.keys() & wheels.keys()):
        raise InvalidInputError("sources", f"{name} would come from both a source and a wheel of {requirements}")
    _refuse_file_and_folder(
        {**dict.fromkeys(sources, "a source"), **dict.fromkeys(wheels, f"a wheel of {requirements}")}
    )
    return dict(sorted({**sources, **wheels}.items()))


def contents(files: Mapping[str, Path], *, check_syntax: bool) -> dict[str, bytes]:
    """Return the contents of the package. Raises an error if it is too large to upload or cannot run."""
    read: dict[str, bytes] = {}
    size = 0
    for name, path in files.items():
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ReflectorError(f"read the source {path}", error.strerror or str(error)) from error
        size += len(data)
        _refuse_large(size)
        if check_syntax and name.endswith(".py"):
            _refuse_broken(path, data)
        read[name] = data
    return read


def _refuse_broken(path: Path, data: bytes) -> None:
    """Compile a Python file, so that nothing broken is ever uploaded."""
    operation = f"pack {path}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f"line {error.lineno or 1}, column {error.offset or 1}"
        raise ReflectorError(operation, f"it does not compile at {place}: {error.msg}", advice=_NEWER_SYNTAX) from error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes before Python 3.12; nested too deeply
        raise ReflectorError(operation, f"it does not compile: {error}", advice=_NEWER_SYNTAX) from error


_NEWER_SYNTAX = "Set check_syntax to false if it is written for a Python newer than the one that runs this module."


def archive(files: Mapping[str, bytes]) -> bytes:
    """The zip. Nothing in it depends on the machine: sorted names, one date, one permission, no compression.

    Not compressed, since another build of zlib compresses to other bytes; Lambda unpacks it anyway.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _MADE_ON_UNIX
            entry.external_attr = _FILE_0644
            package.writestr(entry, files[name])
    data = buffer.getvalue()
    _refuse_large(len(data))
    return data


def _refuse_large(size: int) -> None:
    if size > LARGEST_PACKAGE:
        raise LimitReachedError(
            "build the package",
            f"it would have at least {size} bytes, and Lambda takes {LARGEST_PACKAGE} directly",
            advice="Leave out what the runtime brings (boto3), or put libraries into a layer.",
        )


@dataclass(frozen=True, slots=True)
class Package:
    """A zip and the hashes of what it holds."""

    data: bytes
    files: Mapping[str, str]

    @classmethod
    def from_zip(cls, data: bytes) -> Package:
        """From the bytes of a file, which may be no zip at all: then it holds nothing."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as package:
                return cls(data, {name: _short_hash(package.read(name)) for name in sorted(package.namelist())})
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError):
            return cls(data, {})

    def plain(self) -> Result:
        """For diffs: which files changed, and the one hash of all."""
        return {"code_sha256": code_sha256(self.data), "files": dict(self.files)}


def _short_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


class LambdaPackage:
    """The zip at `dest`. Equal bytes are left alone, so that its timestamp tells when the code last changed."""

    def __init__(self, _target: object, params: Params) -> None:
        self._dest = Path(params["dest"])
        self._sources = [
            Source(Path(os.path.abspath(item["src"])), _inside("sources", item["dest"] or ""))
            for item in params["sources"]
        ]
        self._exclude: list[str] = params["exclude"]
        self._check_syntax: bool = params["check_syntax"]
        self._requirements = Path(os.path.abspath(params["requirements"])) if params["requirements"] else None
        self._platform = Platform(params["runtime"], params["architecture"]) if self._requirements else None

    @cached_property
    def _wanted(self) -> Package:
        read = contents(collect(self._sources, self._exclude), check_syntax=self._check_syntax)
        if self._requirements and self._platform:
            read = merged(read, wheel_files(self._requirements, self._platform), self._requirements)
        return Package(archive(read), {name: _short_hash(data) for name, data in read.items()})

    def read(self) -> bytes | None:
        """The bytes at `dest`; None where nothing is."""
        try:
            return self._dest.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure("read", error) from error

    def plan(self, actual: bytes | None) -> list[Change]:
        """At most one change. Builds the package in memory."""
        wanted = self._wanted
        if wanted.data == actual:
            return []
        before = Package.from_zip(actual).plain() if actual is not None else None
        action: Any = "create" if actual is None else "update"
        return [Change(action, "package", str(self._dest), before, wanted.plain(), payload=wanted.data)]

    def apply(self, change: Change) -> None:
        """Write it beside its place and move it there: whoever reads `dest` meanwhile sees the old or the new whole."""
        folder = self._dest.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{self._dest.name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(change.payload)
                Path(temporary).chmod(0o644)
                Path(temporary).replace(self._dest)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._failure("write", error) from error

    def facts(self, _actual: bytes | None) -> Result:
        """Return what lambda_function needs of the package, in check mode of the one that would be built."""
        wanted = self._wanted
        return {
            "path": str(self._dest),
            "code_sha256": code_sha256(wanted.data),
            "size": len(wanted.data),
            "files": list(wanted.files),
        }

    def _failure(self, verb: str, error: OSError) -> ReflectorError:
        return ReflectorError(f"{verb} the package {self._dest}", error.strerror or str(error))


def _inside(option: str, dest: str) -> str:
    """A place inside the zip; refused where unpacking would lead outside."""
    if dest.startswith("/") or "\\" in dest or ".." in PurePosixPath(dest).parts:
        raise InvalidInputError(option, f"dest {dest!r} is not a path inside the package")
    return dest
