# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event flow: what is explained, and the diagram of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.flow import Flow
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.page.sankey import BODY, flow_section, layout

COMPLETE = {
    "written": 100,
    "delivery_errors": 5,
    "delivery_throttles": 15,
    "forwarded": 80,
    "expired": 2,
    "waiting": 8,
    "received": 70,
    "undecodable": 1,
    "dropped": {"debug": 9},
    "sinks": {"a": 50, "b": 6},
    "dead_lettered": 10,
    "extra_copies": 6,
}


def flow(**values):
    return Flow(0, 86_400, **{**COMPLETE, **values})


def test_complete_flow_is_explained():
    assert [station.unexplained for station in flow().stations()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"written": 103}, [3, 0, 0]),
        ({"expired": 0}, [0, 2, 0]),
        ({"dead_lettered": 0}, [0, 0, 10]),
        ({"sinks": {"a": 60, "b": 6}}, [0, 0, -10]),
        ({"written": None}, [None, 0, 0]),
        ({"forwarded": None}, [None, None, 0]),
        ({"dropped": None}, [0, 0, None]),
        ({"dropped": {}}, [0, 0, 9]),
        ({"extra_copies": None}, [0, 0, None]),
    ],
    ids=str,
)
def test_difference_is_named_only_if_every_count_was_read(values, expected):
    assert [station.unexplained for station in flow(**values).stations()] == expected


def test_section_names_unread_counts():
    text = flow_section(flow(dropped=None, written=None))
    assert "Written: not read." in text
    assert "Received: the difference is unknown, because these were not read: Rules." in text


def test_section_names_the_unexplained_count():
    text = flow_section(flow(dead_lettered=0))
    assert "Received: 10 events are unexplained." in text


def test_diagram_keeps_proportions_and_ends_at_its_bars():
    nodes, links = layout(flow().stations())
    by_name = {node.name: node for node in nodes}
    assert by_name["Written"].height == BODY
    assert by_name["Received"].height == pytest.approx(BODY * 0.76)
    assert by_name["a"].height == pytest.approx(BODY / 2)
    for link in links:
        (end,) = [node for node in nodes if node.x == link.to_x and node.y == link.to_y]
        assert link.height <= end.height
    assert len(links) == len(nodes) - 1


def test_diagram_bars_of_a_column_do_not_overlap():
    nodes, _links = layout(flow(sinks={str(number): number for number in range(30)}, received=500).stations())
    for column in {node.x for node in nodes}:
        bars = sorted((node.y, node.y + node.height) for node in nodes if node.x == column)
        assert all(before[1] < after[0] for before, after in pairwise(bars))


def test_diagram_joins_small_sinks_and_loses_no_event():
    nodes, _links = layout(
        flow(
            sinks={str(number): 10 for number in range(9)},
            dropped={},
            dead_lettered=0,
            undecodable=0,
            received=90,
            extra_copies=0,
        ).stations()
    )
    sinks = [node for node in nodes if node.kind == "delivered"]
    assert [node.name for node in sinks][-1] == "3 other sinks"
    assert sum(node.count for node in sinks) == 90


def test_diagram_leaves_out_stations_that_were_not_read():
    nodes, links = layout(flow(written=None).stations())
    assert "Written" not in {node.name for node in nodes}
    assert "Written" not in " ".join(link.text for link in links)


def test_diagram_of_no_events_is_left_out():
    empty = Flow(0, 1, *([0] * 8), {}, {}, 0, 0)
    assert "<svg" not in flow_section(empty)
    assert "every event is explained" in flow_section(empty)
