# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What centralization rules need in the organisation: trusted access, and a delegated administrator on request.

Source: Organizations API reference, EnableAWSServiceAccess, ListAWSServiceAccessForOrganization, RegisterDelegatedAdministrator.
Neither has tags, and others may use both, so nothing here removes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..._errors import AccessDeniedError, ReflectorError, RefusedError, check_name
from ..._plan import Change, Result
from ..._session import Target
from .health import TRUSTED
from .settings import ACCOUNT_FORM


class TrustedAccess:
    """Trusted access of the service. It is enabled if `enable` is set, and only checked otherwise."""

    def __init__(self, target: Target, *, enable: bool) -> None:
        self._target, self._enable = target, enable

    def read(self) -> bool | None:
        """Return whether the service has trusted access, None if the caller may not read it and need not enable it."""
        client = self._target.client("organizations")
        try:
            with self._target.describe_operation("read the services with trusted access"):
                pages = client.get_paginator("list_aws_service_access_for_organization").paginate()
                found = {each["ServicePrincipal"] for page in pages for each in page["EnabledServicePrincipals"]}
        except AccessDeniedError:
            if self._enable:
                raise
            return None
        return TRUSTED in found

    def plan(self, actual: bool | None) -> Sequence[Change]:
        """Return the change. Raises RefusedError if access is missing and must not be enabled."""
        if actual is not False:
            return []
        if not self._enable:
            message = f"trusted access of {TRUSTED} is not enabled in the organisation"
            advice = "Enable it in the management account, or run there with enable_trusted_access: true."
            raise RefusedError("create centralization rules", message, advice=advice, where=self._target.where)
        return [Change("create", "trusted access of", TRUSTED, after={"trusted_access": True})]

    def apply(self, change: Change) -> None:
        """Enable trusted access."""
        with self._target.describe_operation(str(change)):
            self._target.client("organizations").enable_aws_service_access(ServicePrincipal=TRUSTED)

    def facts(self, actual: bool | None) -> Result:
        """Return whether the service has trusted access, None if it was not read."""
        return {"trusted_access": actual}


class DelegatedAdministrator:
    """The registration of a member account."""

    def __init__(self, target: Target, account: str) -> None:
        check_name("delegated_administrator", account, *ACCOUNT_FORM)
        self._target, self._account = target, account

    def read(self) -> list[str]:
        """Return the registered accounts."""
        client = self._target.client("organizations")
        with self._target.describe_operation(f"read the delegated administrators of {TRUSTED}"):
            pages = client.get_paginator("list_delegated_administrators").paginate(ServicePrincipal=TRUSTED)
            return sorted(each["Id"] for page in pages for each in page["DelegatedAdministrators"])

    def plan(self, actual: list[str]) -> Sequence[Change]:
        """Return the change."""
        if self._account in actual:
            return []
        return [Change("create", "delegated administrator", self._account, after={"service": TRUSTED})]

    def apply(self, change: Change) -> None:
        """Register the account."""
        client = self._target.client("organizations")
        try:
            with self._target.describe_operation(str(change)):
                client.register_delegated_administrator(AccountId=self._account, ServicePrincipal=TRUSTED)
        except ReflectorError as error:
            if error.code != "AccountAlreadyRegisteredException":  # by another run at the same time
                raise

    def facts(self, actual: list[str]) -> Result:
        """Return the registered accounts."""
        return {"delegated_administrators": actual}
