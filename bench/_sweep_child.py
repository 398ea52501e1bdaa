# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one pass over one target: `empty`, `module` or `loop` with arguments as JSON. Prints figures as JSON.

In all but `empty` time passes `scale` times as fast: pauses are that much shorter.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "build" / "collections"))


def module(connection: dict[str, Any], scale: float, options: dict[str, Any]) -> dict[str, Any]:
    """Run the module subscription_filters as an Ansible worker does."""
    from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
    from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
    from ansible_collections.logreflector.aws.plugins.modules.subscription_filters import SPEC
    from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process

    shared.new_rate_limiter = partial(RateLimiter, scale=scale)
    result = perform_in_process(SPEC, {**connection, **options}, check_mode=False)
    if result.get("failed"):
        sys.exit(str(result["msg"]))
    return {"counts": result["counts"], "left_out": 0, "result_kb": len(json.dumps(result)) / 1024}


def loop(connection: dict[str, Any], scale: float, destination: str, threads: int) -> dict[str, Any]:
    """Describe and put group by group, and leave retries to botocore."""
    import boto3
    import botocore.endpoint
    from botocore.exceptions import ClientError

    class Time:
        """botocore's `time`, in which its backoff sleeps."""

        @staticmethod
        def sleep(seconds: float) -> None:
            time.sleep(seconds / scale)

    botocore.endpoint.time = Time
    logs = boto3.client(
        "logs",
        region_name=connection["region"],
        endpoint_url=connection["endpoint_url"],
        aws_access_key_id=connection["access_key"],
        aws_secret_access_key=connection["secret_key"],
    )
    assert logs.meta.config.retries["mode"] == "legacy", logs.meta.config.retries

    def subscribe(name: str) -> bool:
        """Return whether botocore got through."""
        try:
            existing = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
            if destination not in {item["destinationArn"] for item in existing}:
                logs.put_subscription_filter(
                    logGroupName=name, filterName=f"loop-{threads}", filterPattern="", destinationArn=destination
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            return False
        return True

    pages = logs.get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    run: Callable[..., Any] = map
    if threads > 1:
        run = ThreadPoolExecutor(threads).map
    return {"left_out": sum(not served for served in run(subscribe, names)), "counts": {"groups": len(names)}}


def empty(connection: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Do what `module` does before its first call: import everything and create a client."""
    from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
    from ansible_collections.logreflector.aws.plugins.modules.subscription_filters import SPEC
    from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import MODELS, validate

    params = validate(SPEC.arguments(), {**connection, **options}).validated_parameters
    return {"service": Target.from_params(params, MODELS).client("logs").meta.service_model.service_name}


def peak_mb() -> float:
    """Return the peak memory of this process (VmHWM: ru_maxrss begins with the parent's)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes) / 1024


if __name__ == "__main__":
    before, cpu = time.monotonic(), time.process_time()
    figures = {"empty": empty, "module": module, "loop": loop}[sys.argv[1]](**json.loads(sys.argv[2]))
    figures |= {
        "seconds": time.monotonic() - before,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": peak_mb(),
    }
    print("\n" + json.dumps(figures))
