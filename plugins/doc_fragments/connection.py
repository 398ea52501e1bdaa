# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options in module_utils/_argspec.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to AWS."""

    DOCUMENTATION = r"""
options:
  region:
    description:
      - The AWS region to work in.
      - A module without a region fails at once; it never takes the one of a profile or of an instance.
      - Falls back to the environment variables E(AWS_REGION) and E(AWS_DEFAULT_REGION).
    type: str
    aliases: [aws_region]
  profile:
    description:
      - A named profile of the AWS configuration files.
      - Mutually exclusive with O(access_key), O(secret_key) and O(session_token).
      - Without O(profile) and O(access_key) the credentials come from where boto3 finds them, E(AWS_PROFILE) included.
    type: str
    aliases: [aws_profile]
  access_key:
    description: The access key id. Needs O(secret_key).
    type: str
    aliases: [aws_access_key_id, aws_access_key]
  secret_key:
    description: The secret access key. Needs O(access_key).
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
  session_token:
    description: The session token that belongs to temporary keys.
    type: str
    aliases: [aws_session_token]
  endpoint_url:
    description:
      - Another address than AWS's for every service, as used with an emulated AWS.
      - Falls back to the environment variable E(AWS_URL). boto3 itself reads E(AWS_ENDPOINT_URL).
    type: str
    aliases: [aws_endpoint_url]
  validate_certs:
    description: Whether TLS certificates are checked.
    type: bool
    default: true
  aws_ca_bundle:
    description: A file with certificate authorities to trust instead of the built-in ones.
    type: path
  aws_config:
    description: Settings for C(botocore.config.Config), such as C(proxies) or C(max_pool_connections).
    type: dict
  assume_role_arn:
    description:
      - The ARN of a role to assume with the credentials given.
      - A fleet has one set of credentials and one role in each account.
      - The session is kept for its lifetime, for later tasks and runs, where botocore keeps its own. That is C(~/.aws/boto/cache), with files
        that only their owner can read. The environment variable E(LOGREFLECTOR_SESSION_CACHE) names another folder, and keeps none if it
        is empty. Files of sessions that have ended are not removed.
      - As with botocore, a kept session serves whoever may read the file and asks for the same role with the same session name, external id and
        duration, whichever credentials assumed it. With another endpoint than AWS's it is kept for that endpoint and access key only.
    type: str
  assume_role_external_id:
    description: The external id that the role's trust policy asks for.
    type: str
  assume_role_session_name:
    description: The session name that AWS's audit trail shows.
    type: str
    default: log-reflector
  assume_role_duration:
    description:
      - Seconds that the role's session lasts, from 900 to 43200. AWS gives an hour unless it is told.
      - More than an hour needs a role whose maximum session duration allows it, and credentials that are not a role's own.
      - A session is renewed before it ends, so no task is too long for it.
    type: int
requirements:
  - python >= 3.11
  - boto3 >= 1.34.0
  - botocore >= 1.34.0
"""
