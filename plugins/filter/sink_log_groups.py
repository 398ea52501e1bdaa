# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sinks that live in AWS write logs of their own: subscribed, they would feed themselves."""

from __future__ import annotations

DOCUMENTATION = r"""
name: sink_log_groups
short_description: Name the log groups that sinks in AWS write to
version_added: 0.1.0
author:
  - Log Reflector contributors (@logreflector)
description:
  - Where a sink of the reflector is a service of AWS that writes a log of its own, each line delivered to it can make another line there.
    Such log groups are never to be subscribed.
  - Of a C(firehose) sink that is C(/aws/kinesisfirehose/) and the stream's name, where the console lets Firehose log errors.
  - Of an C(elasticsearch) sink that is a domain of Amazon OpenSearch Service, by its endpoint, those are the groups that the console proposes for the
    domain. The name is taken from the endpoint. A custom endpoint, or one that a secret holds, does not tell it.
options:
  _input:
    description: The variable C(reflector_sinks).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Subscribe everything but what the sinks themselves write
  logreflector.aws.subscription_filters:
    region: eu-west-1
    destination_arn: log-reflector
    own_log_groups: "{{ reflector_sinks | logreflector.aws.sink_log_groups }}"
"""

RETURN = r"""
_value:
  description: Names and patterns of log groups, sorted.
  type: list
  elements: str
  sample:
    - /aws/OpenSearchService/domains/logs/*
    - /aws/kinesisfirehose/log-lake
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# search- or vpc-, the name of the domain, characters that AWS gives, the region, the service's domain (OpenSearch Service's
# developer guide, "Creating and managing domains").
_DOMAIN = re.compile(
    r"https://(?:search|vpc)-(?P<name>[a-z][a-z0-9-]{2,27})-[a-z0-9]+\.(?:[a-z0-9-]+\.es\.amazonaws\.com|aos\.[a-z0-9-]+\.on\.aws)"
)


def sink_log_groups(sinks: Any) -> list[str]:
    """See the documentation above. What is no sink is refused elsewhere, with what is wrong."""
    found = sinks.values() if isinstance(sinks, Mapping) else ()
    return sorted({name for sink in found if isinstance(sink, Mapping) for name in _of(sink)})


def _of(sink: Mapping[str, Any]) -> Iterator[str]:
    kind, stream, endpoint = (sink.get(name) for name in ("type", "stream", "endpoint"))
    if kind == "firehose" and isinstance(stream, str) and stream:
        yield f"/aws/kinesisfirehose/{stream}"
    if kind == "elasticsearch" and isinstance(endpoint, str) and (domain := _DOMAIN.match(endpoint)):
        # The second since the service is called OpenSearch, the first before.
        yield f"/aws/aes/domains/{domain['name']}/*"
        yield f"/aws/OpenSearchService/domains/{domain['name']}/*"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"sink_log_groups": sink_log_groups}
