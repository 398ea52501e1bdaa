# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the calls of a no-change deployment in bare boto3, one after another: the floor of what a deployment can cost.

One process has one botocore session, which reads the service models once, and new clients for each target, because each
target has its own credentials and region. It assumes no roles: its credentials are given, as a deployment finds its own in
botocore's cache. It reads no answers and plans nothing. Standard input: {"endpoint_url", "credentials": {account: ...},
"targets": [[account, region], ...], "recorded": account, "calls": {region: [[service, operation, parameters], ...]}}.
"""

from __future__ import annotations

import json
import sys

import botocore.session
from botocore import xform_name


def main() -> None:
    """Make the calls."""
    work = json.load(sys.stdin)
    session = botocore.session.Session()
    for account, region in work["targets"]:
        keys = work["credentials"][account]
        clients = {}
        for service, operation, parameters in json.loads(
            json.dumps(work["calls"][region]).replace(work["recorded"], account)
        ):
            if service not in clients:
                clients[service] = session.create_client(
                    service,
                    region_name=region,
                    endpoint_url=work["endpoint_url"],
                    aws_access_key_id=keys["AccessKeyId"],
                    aws_secret_access_key=keys["SecretAccessKey"],
                    aws_session_token=keys["SessionToken"],
                )
            client = clients[service]
            try:
                getattr(client, xform_name(operation))(**parameters)
            except client.exceptions.ClientError as error:  # "not found" is an answer, too
                if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (400, 404):
                    raise


if __name__ == "__main__":
    main()
