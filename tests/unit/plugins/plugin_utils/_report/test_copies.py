# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events that AWS's centralization copies, in the model of the report and in its texts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.copies import (
    CopyFlow,
    fleet_copies,
    sentences,
    unfiltered_at,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.fleet import FleetReport, with_copies
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.markdown import summary as markdown
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.page import document
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.terminal import summary
from hypothesis import given

from .fleets import HOSTILE, copies_of, copy_flows, fleet, flow_of, group, target

LOST: dict[str, Any] = {
    "written": 20,
    "copied": 12,
    "received": 10,
    "delivered": 9,
    "dead_lettered": 1,
    "throttled": 5,
    "errors": {"InvalidKMS": 3},
    "unfiltered": 2,
}


def report(*flows: CopyFlow) -> FleetReport:
    return fleet(
        target("member", group("/a", "covered", means="centralization"), mode="centralized", copy_flows=flows),
        target(
            "central",
            account="444444444444",
            mode="account_policy",
            flow=flow_of(written=12, forwarded=10, received=10),
        ),
    )


def test_centralized_target_is_in_the_sums_of_copies_only() -> None:
    found = report(copies_of(**LOST))
    assert found.flow
    assert (found.flow.summed, found.flow.left_out, found.flow.flow.written) == (1, (), 12)
    assert found.copies
    assert (found.copies.summed, found.copies.flow.written) == (1, 20)


def test_terminal_names_every_difference() -> None:
    text = "\n".join(summary(report(copies_of(**LOST)), None))
    period = "from 2026-11-17T11:06:40Z to 2026-11-18T11:06:40Z (later ones are not counted yet)"
    assert f"Copies {period}: 20 written in sources, 12 copied, 10 received, 9 delivered." in text
    assert "Not delivered: 3 error InvalidKMS, 5 throttled, 2 class without filters, 1 dead-lettered." in text
    assert "Every event is explained." in text


def test_unread_counts_are_unknown_and_their_host_is_named() -> None:
    found = report(copies_of(**{**LOST, "copied": None}), copies_of(written=1, copied=1, received=1, delivered=1))
    assert found.copies
    assert (found.copies.left_out, found.copies.flow.written) == (("member",), 1)
    assert "1 target is not in these sums" in next(sentences(found.copies))
    alone = fleet_copies([("member", copies_of(**{**LOST, "copied": None}))])
    assert alone
    assert "20 written in sources, copied unknown" in next(sentences(alone))
    assert "Unknown: the differences after written in sources, copied." in next(sentences(alone))


def test_unexplained_events_are_named() -> None:
    text = next(sentences(fleet_copies([("a", copies_of(written=5, copied=3, received=3, delivered=3))])))  # type: ignore[arg-type]
    assert "UNEXPLAINED: 2 after written in sources." in text


def test_events_without_filters_are_lost_at_the_destination() -> None:
    flow = copies_of(unfiltered=2)
    assert unfiltered_at([flow, flow], "444444444444", "eu-west-1") == 4
    assert unfiltered_at([flow], "444444444444", "us-east-1") == 0
    found = with_copies(report(flow).targets)
    (central,) = [each for each in found if each.host == "central"]
    assert central.flow
    assert central.flow.flow.unsubscribed == 2
    assert central.flow.flow.stations()[0].unexplained == 0


@given(copy_flows)
def test_flow_comes_back_from_json(flow: CopyFlow) -> None:
    assert CopyFlow.from_plain(flow.plain()) == flow


@pytest.mark.parametrize(
    "wrong",
    [
        {"written": -1},
        {"written": "1"},
        {"errors": {"x": -1}},
        {"errors": 1},
        {"account": 1},
        {"end": None},
        {"notes": "x"},
        {"dollars": -1},
    ],
)
def test_flow_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"wrong value|list of texts|amount"):
        CopyFlow.from_plain({**copies_of().plain(), **wrong})
    with pytest.raises(KeyError):
        CopyFlow.from_plain({"account": "1"})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_types_and_notes_are_text_everywhere(text: str) -> None:
    found = report(copies_of(written=3, errors={text: 3}, notes=(text,)))
    page = "".join(document.render(found))
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    lines = "".join(markdown(found, None)).splitlines()
    rows = [line for line in lines if "Error " in line and line.startswith("|")]
    assert len(rows) == 1
    assert rows[0].count("|") == 4, "a bar of others would be a column"
