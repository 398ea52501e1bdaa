# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that modules share; documented in doc_fragments/connection.py and choice.py."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import env_fallback

CONNECTION: dict[str, Any] = {
    "region": {
        "type": "str",
        "aliases": ["aws_region"],
        "fallback": (env_fallback, ["AWS_REGION", "AWS_DEFAULT_REGION"]),
    },
    "profile": {"type": "str", "aliases": ["aws_profile"]},
    "access_key": {"type": "str", "aliases": ["aws_access_key_id", "aws_access_key"], "no_log": False},
    "secret_key": {"type": "str", "aliases": ["aws_secret_access_key", "aws_secret_key"], "no_log": True},
    "session_token": {"type": "str", "aliases": ["aws_session_token"], "no_log": True},
    "endpoint_url": {"type": "str", "aliases": ["aws_endpoint_url"], "fallback": (env_fallback, ["AWS_URL"])},
    "validate_certs": {"type": "bool", "default": True},
    "aws_ca_bundle": {"type": "path", "fallback": (env_fallback, ["AWS_CA_BUNDLE"])},
    "aws_config": {"type": "dict"},
    "assume_role_arn": {"type": "str"},
    "assume_role_external_id": {"type": "str", "no_log": True},
    "assume_role_session_name": {"type": "str", "default": "log-reflector"},
    "assume_role_duration": {"type": "int"},
}

CHOICE: dict[str, Any] = {
    "include": {"type": "list", "elements": "str", "default": ["*"]},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "include_tags": {"type": "dict"},
    "exclude_tags": {"type": "dict"},
    "created_after": {"type": "str"},
    "created_before": {"type": "str"},
    "own_functions": {"type": "list", "elements": "str", "default": ["log-reflector-subscriber"]},
    "own_log_groups": {"type": "list", "elements": "str", "default": []},
}

TOGETHER = [("access_key", "secret_key")]
EXCLUSIVE = [("profile", "access_key"), ("profile", "secret_key"), ("profile", "session_token")]
