# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say which account and region a module works in, and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .option import option


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Region, credentials and endpoint."""

    region: str | None = option(
        None,
        "AWS region to work in.",
        "A module without a region fails at once. It never takes the region of a profile or of an instance.",
        "Falls back to the environment variables E(AWS_REGION) and E(AWS_DEFAULT_REGION).",
        aliases=("aws_region",),
        env=("AWS_REGION", "AWS_DEFAULT_REGION"),
    )
    profile: str | None = option(
        None,
        "Named profile of the AWS configuration files.",
        "Mutually exclusive with O(access_key), O(secret_key) and O(session_token).",
        "Without O(profile) and O(access_key) the credentials come from where boto3 finds them, E(AWS_PROFILE) included.",
        aliases=("aws_profile",),
    )
    access_key: str | None = option(
        None,
        "Access key id. Needs O(secret_key).",
        aliases=("aws_access_key_id", "aws_access_key"),
        no_log=False,
    )
    secret_key: str | None = option(
        None,
        "Secret access key. Needs O(access_key).",
        aliases=("aws_secret_access_key", "aws_secret_key"),
        no_log=True,
    )
    session_token: str | None = option(
        None, "Session token that belongs to temporary keys.", aliases=("aws_session_token",), no_log=True
    )
    endpoint_url: str | None = option(
        None,
        "Address for every service instead of AWS's, as used with an emulated AWS.",
        "Falls back to the environment variable E(AWS_URL). boto3 itself reads E(AWS_ENDPOINT_URL).",
        aliases=("aws_endpoint_url",),
        env=("AWS_URL",),
    )
    validate_certs: bool = option(True, "Whether TLS certificates are checked.")
    aws_ca_bundle: str | None = option(
        None,
        "File with certificate authorities to trust instead of the built-in ones.",
        type="path",
        env=("AWS_CA_BUNDLE",),
    )
    aws_config: Mapping[str, Any] | None = option(
        None, "Settings for C(botocore.config.Config), such as C(proxies) or C(max_pool_connections)."
    )
    assume_role_arn: str | None = option(
        None,
        "ARN of a role to assume with the given credentials.",
        "A fleet has one set of credentials and one role in each account.",
        "The session is kept for its lifetime, for later tasks and runs, in C(~/.aws/boto/cache), with files that only their"
        " owner can read. Files of other users, and files that others can read or write, are ignored. The environment variable"
        " E(LOG_REFLECTOR_SESSION_CACHE) names another folder. If it is empty, no session is kept. Files of expired"
        " sessions are not removed.",
        "A kept session serves tasks of the same user with the same role, session name, external id, duration, endpoint and"
        " source. The source is the access key, or the profile where the profile's keys change by themselves.",
    )
    assume_role_external_id: str | None = option(
        None, "External id that the role's trust policy requires.", no_log=True
    )
    assume_role_session_name: str = option("log-reflector", "Session name that AWS's audit trail shows.")
    assume_role_duration: int | None = option(
        None,
        "Seconds that the role's session lasts, from 900 to 43200. AWS's default is one hour.",
        "More than an hour needs a role whose maximum session duration allows it, and credentials that are not a role's"
        " own.",
        "A session is renewed before it ends, so no task is too long for it.",
    )


TOGETHER = [("access_key", "secret_key")]
EXCLUSIVE = [("profile", "access_key"), ("profile", "secret_key"), ("profile", "session_token")]
