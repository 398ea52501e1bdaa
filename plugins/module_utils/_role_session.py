# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of an assumed role, cached for its lifetime across tasks and runs, in the folder and format of botocore."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ._errors import error_code

with contextlib.suppress(ImportError):  # the host says what to install
    from botocore.credentials import (
        AssumeRoleCredentialFetcher,
        CredentialProvider,
        CredentialResolver,
        DeferredRefreshableCredentials,
    )
    from botocore.exceptions import ClientError
    from botocore.utils import JSONFileCache

FOLDER_VARIABLE = "LOG_REFLECTOR_SESSION_CACHE"
"""Environment variable with another folder than botocore's ~/.aws/boto/cache; if it is empty, nothing is cached."""

DEFAULT_SECONDS = 3600
"""How long a session lasts by default (AssumeRole's API reference, DurationSeconds)."""

REFUSALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "RegionDisabledException",
        "UnrecognizedClientException",
    }
)
"""Error codes for credentials that a service does not know: expired, revoked, or of an account without the region."""

_PARTS = ("AccessKeyId", "SecretAccessKey", "SessionToken")


class SessionCache:
    """AssumeRole's answers by botocore's key: the mapping that botocore's fetcher expects.

    It never fails: a file that cannot be read is ignored, a session that cannot be written is not cached. Files of other
    users, and files that others may read or write, are ignored: somebody else's session would work in his account.

    folder  "" caches nothing
    scope   distinguishes these sessions from others with the same key

    found_key    access key id of the last session that was found in the cache
    refused_key  access key id of a session that AWS refused; it counts as missing
    """

    def __init__(self, folder: str, scope: Sequence[str] = ()) -> None:
        self._folder = folder
        self._scope = scope
        self._found: Any = None
        self.found_key = self.refused_key = ""

    def __contains__(self, key: str) -> bool:
        if not self._folder:
            return False
        try:
            self._found = _read_private(self._path(key))
            credentials = self._found["Credentials"]
            expiration = datetime.fromisoformat(credentials["Expiration"].replace("UTC", "+00:00"))
            is_complete = expiration.tzinfo is not None and all(isinstance(credentials[part], str) for part in _PARTS)
        except (AttributeError, KeyError, OSError, TypeError, ValueError):
            return False
        self.found_key = str(credentials["AccessKeyId"])
        return is_complete and self.found_key != self.refused_key

    def __getitem__(self, key: str) -> Any:
        """Return what `in` has just found: the file may have changed since."""
        return self._found

    def __setitem__(self, key: str, answer: Any) -> None:
        if not self._folder:
            return
        with contextlib.suppress(OSError):
            _make_private(Path(self._folder))
            _write_private(self._path(key), json.dumps(answer, default=_timestamp))

    def _path(self, key: str) -> Path:
        name = hashlib.sha256("\n".join((key, *self._scope)).encode()).hexdigest() if self._scope else key
        return Path(self._folder) / f"{name}.json"


def _timestamp(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S%Z")


def _read_private(path: Path) -> Any:
    """Return the JSON in a file of the current user that nobody else may read or write. Raises OSError, ValueError."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
            raise PermissionError(path)
        return json.load(file)


def _write_private(path: Path, text: str) -> None:
    """Write a file for the current user only, whatever is in its place. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _make_private(folder: Path) -> None:
    """Create the folder and missing ones above it, for their owner only."""
    for path in (*reversed(folder.parents), folder):
        if not path.is_dir():
            path.mkdir(0o700, exist_ok=True)


def cache_folder() -> str:
    """Return the folder of cached sessions; "" caches nothing."""
    return os.environ.get(FOLDER_VARIABLE, str(JSONFileCache.CACHE_DIR))


class RoleSession:
    """Credentials of a role for a boto3 session: taken from the cache or from STS at the first call, renewed before they
    expire.

    sts                 functions that create an STS client to assume the role with; the next one is tried if the one
                        before does not know the source
    source              botocore's credentials that assume the role
    arguments           further arguments of AssumeRole, as botocore has them: with the role they are the cache's key
    scope               returns the scope of the cache; called when the session is needed
    describe_refusal    a context that translates botocore's error
    """

    def __init__(
        self,
        sts: Sequence[Callable[..., Any]],
        source: Any,
        role_arn: str,
        arguments: Mapping[str, Any],
        *,
        scope: Callable[[], Sequence[str]],
        describe_refusal: Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        self._sts, self._source, self._scope, self._describe_refusal = sts, source, scope, describe_refusal
        self._role_arn, self._arguments = role_arn, dict(arguments)
        self._cache: SessionCache | None = None
        self._lock = threading.Lock()
        self._is_cached = self._is_renewed = False
        self.is_assumed = False
        # botocore renews 15 minutes before the end, which in a short session would be at every call.
        self._window = min(_ADVISORY_SECONDS, arguments.get("DurationSeconds", DEFAULT_SECONDS) // 4)
        self._credentials = _RoleCredentials(self._fetch, "assume-role")
        self._credentials.share = self._window / _ADVISORY_SECONDS

    def provider(self) -> CredentialResolver:
        """Return botocore's component "credential_provider", which has only these credentials."""
        return CredentialResolver([_RoleProvider(self._credentials)])

    def watch(self, client: Any) -> Any:
        """Let the client repeat a request with a new session if AWS refuses the cached one, which was revoked."""
        client.meta.events.register_first("needs-retry", self._retry)
        return client

    def _fetch(self) -> Any:
        with self._describe_refusal():
            if self._cache is None:
                self._cache = SessionCache(cache_folder(), self._scope())
            found = self._assume(*self._sts)
        self._is_cached = self._cache.found_key == found["access_key"]
        self.is_assumed = True
        self._credentials.is_refused = False
        return found

    def _assume(self, sts: Callable[..., Any], *others: Callable[..., Any]) -> Any:
        """Return the session from the cache or from STS; raise the first of several refusals."""
        try:
            return AssumeRoleCredentialFetcher(
                sts,
                self._source,
                self._role_arn,
                extra_args=self._arguments,
                cache=self._cache,
                expiry_window_seconds=self._window,
            ).fetch_credentials()
        except ClientError as error:
            if not others or error_code(error) not in REFUSALS:
                raise
            try:
                return self._assume(*others)
            except ClientError:
                raise error from None

    def _retry(self, response: Any, request_dict: Mapping[str, Any], **_unused: Any) -> int | None:
        """Answer botocore's event needs-retry: the seconds until the request is signed and sent again, or None."""
        if response is None or response[1].get("Error", {}).get("Code", "").rpartition("#")[2] not in REFUSALS:
            return None
        operation: dict[str, Any] = request_dict["context"]
        if operation.get("logreflector_renewed"):
            return None
        operation["logreflector_renewed"] = True
        return 0 if self._renew() else None

    def _renew(self) -> bool:
        """Let the next signature replace a cached session, once. Return whether the session is or will be a new one."""
        with self._lock:  # AWS may refuse several threads at once
            if not self._is_renewed:
                if self._cache is None or not self._is_cached:
                    return False
                self._is_renewed = True
                self._cache.refused_key = self._cache.found_key
                self._credentials.is_refused = True
            return True


_ADVISORY_SECONDS = 15 * 60  # before the end botocore's default is to renew, and blocks from 10 minutes on

with contextlib.suppress(NameError):  # without botocore nothing here is used

    class _RoleCredentials(DeferredRefreshableCredentials):  # type: ignore[misc]
        """Credentials that are renewed in a share of botocore's usual windows before they expire, or if AWS refused them."""

        share = 1.0
        is_refused = False

        def refresh_needed(self, refresh_in: float | None = None) -> bool:
            seconds = _ADVISORY_SECONDS if refresh_in is None else refresh_in
            return self.is_refused or bool(super().refresh_needed(seconds * self.share))

    class _RoleProvider(CredentialProvider):  # type: ignore[misc]
        """Provides the credentials of a role's session."""

        METHOD = "assume-role"

        def __init__(self, credentials: Any) -> None:
            super().__init__()
            self._credentials = credentials

        def load(self) -> Any:
            return self._credentials
