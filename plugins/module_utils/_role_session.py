# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session of an assumed role: kept for its lifetime, across tasks and runs, in the place and form that botocore itself uses."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ._errors import error_code

with contextlib.suppress(ImportError):  # the host says what to install
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import ClientError
    from botocore.utils import JSONFileCache

FOLDER_VARIABLE = "LOGREFLECTOR_SESSION_CACHE"
"""Environment variable: another folder than botocore's ~/.aws/boto/cache; empty keeps no session."""

DEFAULT_SECONDS = 3600
"""How long a session lasts unless it is said (AssumeRole's API reference, DurationSeconds)."""

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
"""Error codes for credentials that a service does not know: ended, revoked, or those of an account without the region."""

_PARTS = ("AccessKeyId", "SecretAccessKey", "SessionToken")


class SessionCache:
    """AssumeRole's answers by botocore's key, in botocore's files. A mapping, as botocore's fetcher takes one.

    It never stands in the way: a file that is not whole is no session, one that cannot be written is not kept.

    folder  "" keeps nothing
    scope   what sets these sessions apart from others of the same role, beside the key
    """

    def __init__(self, folder: str, scope: Sequence[str] = ()) -> None:
        self._folder = folder
        self._files = JSONFileCache(folder) if folder else None
        self._scope = scope
        self._found: Any = None
        self.given = ""  # access key id of the last session that was found here
        self.refused = ""  # of one that AWS no longer takes: as if it were not there

    def __contains__(self, key: str) -> bool:
        if self._files is None:
            return False
        try:
            self._found = self._files[self._name(key)]
            credentials = self._found["Credentials"]
            ends = datetime.fromisoformat(credentials["Expiration"].replace("UTC", "+00:00"))
            whole = ends.tzinfo is not None and all(isinstance(credentials[part], str) for part in _PARTS)
        except (AttributeError, KeyError, OSError, TypeError, ValueError):
            return False
        self.given = str(credentials["AccessKeyId"])
        return whole and self.given != self.refused

    def __getitem__(self, key: str) -> Any:
        """What `in` has just found: the file may be another one by now."""
        return self._found

    def __setitem__(self, key: str, answer: Any) -> None:
        if self._files is None:
            return
        with contextlib.suppress(OSError):
            _make_private(Path(self._folder))
            self._files[self._name(key)] = answer

    def _name(self, key: str) -> str:
        return hashlib.sha256("\n".join((key, *self._scope)).encode()).hexdigest() if self._scope else key


def _make_private(folder: Path) -> None:
    """The folder and those above it that are missing, for their owner only."""
    for path in (*reversed(folder.parents), folder):
        if not path.is_dir():
            path.mkdir(0o700, exist_ok=True)


def cache_folder() -> str:
    """Where sessions are kept; "" for nowhere."""
    return os.environ.get(FOLDER_VARIABLE, str(JSONFileCache.CACHE_DIR))


class RoleSession:
    """Credentials of a role for a boto3 session: fetched at the first call, from the cache if they are there, and renewed
    before they end.

    sts         makers of the STS client to assume the role with, each tried where the one before did not know the source
    source      botocore's credentials that assume it
    role_arn    the role
    arguments   more of AssumeRole's, as botocore has them: with the role they make the cache's key
    scope       of the cache; asked when the session is needed
    refusals    a context that turns botocore's error into what the user reads
    """

    def __init__(
        self,
        sts: Sequence[Callable[..., Any]],
        source: Any,
        role_arn: str,
        arguments: Mapping[str, Any],
        *,
        scope: Callable[[], Sequence[str]],
        refusals: Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        self._sts, self._source, self._scope, self._refusals = sts, source, scope, refusals
        self._role_arn, self._arguments = role_arn, dict(arguments)
        self._cache: SessionCache | None = None
        self._lock = threading.Lock()
        self._kept = self._renewed = False
        self.stands = False  # whether there is a session already
        # botocore renews 15 minutes before the end: of a short session that would be at every call.
        self._spare = min(15 * 60, arguments.get("DurationSeconds", DEFAULT_SECONDS) // 4)
        self.credentials = DeferredRefreshableCredentials(self._fetch, "assume-role")
        self.credentials._advisory_refresh_timeout = self._spare
        self.credentials._mandatory_refresh_timeout = min(10 * 60, self._spare // 2)

    def _fetch(self) -> Any:
        with self._refusals():
            if self._cache is None:
                self._cache = SessionCache(cache_folder(), self._scope())
            found = self._assumed(*self._sts)
        self._kept = self._cache.given == found["access_key"]
        self.stands = True
        return found

    def _assumed(self, sts: Callable[..., Any], *others: Callable[..., Any]) -> Any:
        """The session from the cache or from STS; of several refusals the first."""
        try:
            return AssumeRoleCredentialFetcher(
                sts,
                self._source,
                self._role_arn,
                extra_args=self._arguments,
                cache=self._cache,
                expiry_window_seconds=self._spare,
            ).fetch_credentials()
        except ClientError as error:
            if not others or error_code(error) not in REFUSALS:
                raise
            try:
                return self._assumed(*others)
            except ClientError:
                raise error from None

    def watch(self, client: Any) -> Any:
        """The client, which asks once more with a new session where AWS refuses the one that was kept (it was revoked)."""
        client.meta.events.register_first("needs-retry", self._try_again)
        return client

    def _try_again(self, response: Any, request_dict: Mapping[str, Any], **_unused: Any) -> int | None:
        """botocore's question whether to send a request again, newly signed: the seconds until then, or None."""
        if response is None or response[1].get("Error", {}).get("Code", "").rpartition("#")[2] not in REFUSALS:
            return None
        operation: dict[str, Any] = request_dict["context"]
        if operation.get("logreflector_renewed"):
            return None
        operation["logreflector_renewed"] = True
        return 0 if self._renew() else None

    def _renew(self) -> bool:
        """Whether there is a new session in place of a kept one, at the next signature."""
        with self._lock:  # several threads may be refused at once
            if not self._renewed:
                if self._cache is None or not self._kept:
                    return False
                self._renewed = True
                self._cache.refused = self._cache.given
                self.credentials._expiry_time = datetime.fromtimestamp(0, UTC)  # the next signature renews it
            return True
