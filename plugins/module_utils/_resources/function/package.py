# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Lambda package: the same sources give the same zip on every machine, byte by byte. Calls no AWS."""

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
from pathlib import Path, PurePosixPath

from ..._errors import InvalidInputError, LimitReachedError, ReflectorError
from ..._plan import Result
from .wheels import Platform, wheel_files

LARGEST_PACKAGE = 50 * 1024 * 1024
"""Bytes of a zip that Lambda takes directly (AWS page "Lambda quotas", deployment package size)."""

_EXCLUDED = ("__pycache__", "*.pyc", "*.pyo", ".*", "tests")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can store
_FILE_0644 = 0o100644 << 16
_MADE_ON_UNIX = 3


def code_sha256(package: bytes) -> str:
    """Return the hash in the form of Lambda's CodeSha256: base64 of the SHA-256 of the whole zip."""
    return base64.b64encode(hashlib.sha256(package).digest()).decode("ascii")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file or folder on this machine and its path in the zip ("" is the top)."""

    src: Path
    dest: str = ""

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield names in the zip with their files. A source that is a file is never excluded."""
        if self.src.is_dir():
            folder = PurePosixPath(self.dest)
            for path in _walk(self.src, frozenset()):
                yield str(folder / path.relative_to(self.src).as_posix()), path
        elif self.src.is_file():
            into_folder = not self.dest or self.dest.endswith("/")
            yield str(PurePosixPath(self.dest) / self.src.name if into_folder else PurePosixPath(self.dest)), self.src
        else:
            raise InvalidInputError("sources", f"{self.src} does not exist")


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yield the files of a package below a folder. Links are followed; a link to a folder above is refused."""
    real = folder.resolve()
    if real in above:
        raise InvalidInputError("sources", f"the link {folder} leads back to a folder that contains it")
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ReflectorError(f"read the source {folder}", error.strerror or str(error)) from error
    for entry in entries:
        if any(fnmatchcase(entry.name, pattern) for pattern in _EXCLUDED):
            continue
        if entry.is_dir():
            yield from _walk(entry, above | {real})
        elif entry.is_file():
            yield entry
        else:
            raise InvalidInputError("sources", f"{entry} is neither a file nor a folder, or a link that leads nowhere")


def collect_files(sources: Iterable[SourceFile]) -> dict[str, Path]:
    """Return every name in the zip with its file, sorted. Raises InvalidInputError if two sources give the same name."""
    found: dict[str, Path] = {}
    for source in sources:
        for name, path in source.files():
            if name in found:
                raise InvalidInputError("sources", f"{name} would come from both {found[name]} and {path}")
            found[name] = path
    _refuse_file_and_folder(found)
    if not found:
        raise InvalidInputError("sources", "they contain no file, apart from those that a package leaves out")
    return dict(sorted(found.items()))


def _refuse_file_and_folder(origins: Mapping[str, object]) -> None:
    """Raise InvalidInputError if a name is a file and a folder. `origins` has the source of each name."""
    for name, origin in origins.items():
        for folder in PurePosixPath(name).parents:
            if str(folder) in origins:
                raise InvalidInputError(
                    "sources",
                    f"{folder} would be a file (from {origins[str(folder)]}) and a folder (from {origin})",
                )


def merge(sources: Mapping[str, bytes], wheels: Mapping[str, bytes], requirements: Path | None) -> dict[str, bytes]:
    """Return the files of both. Raises InvalidInputError if a source and a wheel give the same name."""
    for name in sorted(sources.keys() & wheels.keys()):
        raise InvalidInputError("sources", f"{name} would come from both a source and a wheel of {requirements}")
    _refuse_file_and_folder(
        {**dict.fromkeys(sources, "a source"), **dict.fromkeys(wheels, f"a wheel of {requirements}")}
    )
    return dict(sorted({**sources, **wheels}.items()))


def read_files(files: Mapping[str, Path]) -> dict[str, bytes]:
    """Return the contents of the package. Raises an error if it is too large to upload."""
    read: dict[str, bytes] = {}
    size = 0
    for name, path in files.items():
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ReflectorError(f"read the source {path}", error.strerror or str(error)) from error
        size += len(data)
        _refuse_large(size)
        read[name] = data
    return read


def _refuse_broken(path: Path, data: bytes) -> None:
    """Compile a Python file and raise ReflectorError if that fails, so that broken code is never uploaded."""
    operation = f"pack {path}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f"line {error.lineno or 1}, column {error.offset or 1}"
        raise ReflectorError(
            operation, f"it does not compile at {place}: {error.msg}", advice=_SYNTAX_ADVICE
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes before Python 3.12; nested too deeply
        raise ReflectorError(operation, f"it does not compile: {error}", advice=_SYNTAX_ADVICE) from error


_SYNTAX_ADVICE = "Install the collection again, with a Python of at least the version that the collection requires."


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return the zip. Nothing in it depends on the machine: sorted names, one date, one permission, no compression.

    Different builds of zlib compress to different bytes.
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
            advice="Leave out libraries that the runtime provides (boto3).",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSettings:
    """The desired zip at `dest`.

    sources         their folders named "tests", hidden files and byte code are left out
    requirements    file with pinned wheels to add for the platform, None for none
    """

    dest: str
    sources: tuple[SourceFile, ...]
    requirements: str | None = None
    platform: Platform | None = None


class LambdaPackage:
    """The zip at `dest`, a file of the control node: no AWS resource, so to write it is no change of a target."""

    def __init__(self, settings: PackageSettings) -> None:
        self._dest, self._platform = Path(settings.dest), settings.platform
        self._sources = [
            SourceFile(Path(os.path.abspath(source.src)), _path_in_zip(source.dest)) for source in settings.sources
        ]
        self._requirements = Path(os.path.abspath(settings.requirements)) if settings.requirements else None

    def build(self, *, check_mode: bool) -> Result:
        """Return path, hash, size and file names. In check mode the package is built in memory only.

        Equal bytes are not written again, so the file's timestamp shows when the code last changed.
        """
        sources = collect_files(self._sources)
        files = self._with_wheels(read_files(sources))
        data = archive(files)
        if self._read() != data:  # equal bytes were compiled before they were written
            for name, path in sources.items():
                if name.endswith(".py"):
                    _refuse_broken(path, files[name])
            if not check_mode:
                self._write(data)
        return {"path": str(self._dest), "code_sha256": code_sha256(data), "size": len(data), "files": list(files)}

    def _with_wheels(self, files: dict[str, bytes]) -> dict[str, bytes]:
        if self._requirements and self._platform:
            return merge(files, wheel_files(self._requirements, self._platform), self._requirements)
        return files

    def _read(self) -> bytes | None:
        """Return the bytes at `dest`, None without a file."""
        try:
            return self._dest.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure("read", error) from error

    def _write(self, data: bytes) -> None:
        """Write a temporary file and move it to `dest`: a reader sees the old file or the new one, never a part."""
        folder = self._dest.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{self._dest.name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(temporary).chmod(0o644)
                Path(temporary).replace(self._dest)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._failure("write", error) from error

    def _failure(self, verb: str, error: OSError) -> ReflectorError:
        return ReflectorError(f"{verb} the package {self._dest}", error.strerror or str(error))


def _path_in_zip(dest: str) -> str:
    """Return a path in the zip. Raises InvalidInputError if unpacking would write outside."""
    if dest.startswith("/") or "\\" in dest or ".." in PurePosixPath(dest).parts:
        raise InvalidInputError("sources", f"dest {dest!r} is not a path inside the package")
    return dest


def build_package(
    dest: str,
    sources: Sequence[Mapping[str, str]],
    *,
    requirements: str | None = None,
    runtime: str,
    architecture: str,
    check_mode: bool,
) -> Result:
    """Build a zip on this machine, without tests. The same sources give the same bytes.

    sources         `src`: a folder or file; `dest`: its path in the zip
    requirements    file with pinned wheels to add, for the runtime and architecture
    """
    settings = PackageSettings(
        dest=dest,
        sources=tuple(SourceFile(Path(source["src"]), source.get("dest", "")) for source in sources),
        requirements=requirements,
        platform=Platform(runtime, architecture) if requirements else None,
    )
    return LambdaPackage(settings).build(check_mode=check_mode)
