# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that go into a function's environment if they are short, or into an SSM parameter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import InvalidInputError
from .._resources.ssm_parameter import ADVANCED_BYTES, ParameterSettings, SsmParameter, size
from .run import Run


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """A text, which is stored in the environment or in a parameter.

    inline   the most bytes that the environment stores
    """

    text: str
    inline: int

    @property
    def needs_parameter(self) -> bool:
        """Whether the text is too long for the environment."""
        return size(self.text) > self.inline

    def value(self, reference: str = "") -> str:
        """Return the environment variable: the text, or the reference to one version of the parameter, with a hash.

        Because of the hash, other settings make another environment even where the counting of versions begins again. A
        reference to a version keeps the settings of a release that runs.
        """
        if not self.needs_parameter:
            return self.text
        return f"{reference}#{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"

    def check(self, what: str) -> None:
        """Raise InvalidInputError if the text is too long even for a parameter."""
        if self.needs_parameter and size(self.text) > ADVANCED_BYTES:
            message = f"it has {size(self.text)} bytes of JSON, and an SSM parameter holds at most {ADVANCED_BYTES}"
            raise InvalidInputError(what, message)


def store(
    run: Run,
    part: str,
    settings: StoredSettings,
    *,
    name: str,
    description: str,
    kms_key_arn: str | None,
    tags: Mapping[str, str],
) -> str:
    """Write settings that need a parameter, and return the reference to the version that holds them: "ssm:NAME:VERSION".

    In check mode it is the version that would be written. Without a parameter the reference is "".

    name, description, kms_key_arn, tags  of the parameter
    """
    if not settings.needs_parameter:
        return ""
    parameter = ParameterSettings(
        name=name, value=settings.text, description=description, kms_key_arn=kms_key_arn, tags=tags
    )
    return str(run.converge(part, {"settings": SsmParameter(run.target, parameter)})["settings"]["reference"])
