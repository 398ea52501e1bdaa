# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The functions' packages, built on the control node, once for all targets that share one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .._errors import ReflectorError
from .._options.reflector import ReflectorOptions
from .._options.subscriber import SubscriberOptions
from .._plan import Result
from .._resources.function.package import build_package
from .once import once

_ROOT = Path(__file__).resolve().parents[3]
# A collection has to work without its folders beside plugins, roles, playbooks and meta, so tools/build_tarball.py packs
# lambda_src below a role. A checkout, and an installation from git, have it at the top.
_PACKED = _ROOT / "roles" / "reflector" / "files" / "lambda_src"
LAMBDA_SOURCES = _PACKED if _PACKED.is_dir() else _ROOT / "lambda_src"
_SHARED = _ROOT / "plugins" / "module_utils"


@dataclass(frozen=True, slots=True)
class Package:
    """A zip on this machine. `code_sha256` is Lambda's CodeSha256 of it, `size` its bytes."""

    path: str
    code_sha256: str
    size: int = 0


def reflector_package(options: ReflectorOptions, *, check_mode: bool) -> Package:
    """Return the reflector's package."""
    path = _path(options.package_file, "reflector.zip")
    if options.native:
        path = path.with_name(f"{path.stem}-{options.runtime}-{options.architecture}.zip")
    return _built(
        path,
        [{"src": str(LAMBDA_SOURCES / "reflector")}],
        options,
        requirements=str(LAMBDA_SOURCES / "requirements-native.txt") if options.native else None,
        check_mode=check_mode,
    )


def subscriber_package(options: SubscriberOptions, *, check_mode: bool) -> Package:
    """Return the subscriber's package, which holds the rules that the catch-up uses too."""
    shared = ("_subscriptions", "_options", "_errors.py", "_retry.py")
    sources = [
        {"src": str(LAMBDA_SOURCES / "subscriber")},
        *({"src": str(_SHARED / name), "dest": f"logreflector/{name}"} for name in shared),
    ]
    path = _path(options.package_file, "subscriber.zip")
    return _built(path, sources, options, check_mode=check_mode)


def missing_sources(operation: str) -> ReflectorError:
    """Return the error of an operation on a machine where the collection is not installed."""
    return ReflectorError(
        operation,
        "this module runs on the control node, where the collection is installed",
        advice="Set connection: local for the target, and neither become nor delegate_to.",
    )


def _path(given: str, name: str) -> Path:
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "log-reflector" / name


def _built(
    path: Path,
    sources: list[dict[str, str]],
    options: ReflectorOptions | SubscriberOptions,
    *,
    requirements: str | None = None,
    check_mode: bool,
) -> Package:
    if not LAMBDA_SOURCES.is_dir():
        raise missing_sources("build the function's package")
    platform = (options.runtime, options.architecture) if requirements else ()

    def build() -> Result:
        return build_package(
            str(path),
            sources,
            requirements=requirements,
            runtime=options.runtime,
            architecture=options.architecture,
            check_mode=check_mode,
        )

    result = once(["package", str(path), *platform, check_mode], build)
    return Package(result["path"], result["code_sha256"], result["size"])
