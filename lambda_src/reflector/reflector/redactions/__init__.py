# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ready-made redactions: functions that return a text without the private data of one kind.

Valid JSON stays valid. The time is linear in the length of the text, whatever it holds: `bench/redaction.py` measures both.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from .aws_keys import redact_aws_keys
from .cards import redact_cards
from .emails import redact_emails
from .named_secrets import redact_secrets

REDACTIONS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"email": redact_emails, "card": redact_cards, "aws_key": redact_aws_keys, "secret": redact_secrets}
)
