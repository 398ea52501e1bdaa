# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event flow: what is explained, and the diagram of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.flow import (
    FleetFlow,
    Flow,
    TargetFlow,
    fleet_flow,
)
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.flow_text import sentences
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.formats import FORMATS
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.page.sankey import BODY, flow_section, layout
from ansible_collections.logreflector.aws.plugins.plugin_utils._report.terminal import summary

from .fleets import fleet, flow_of, target

COMPLETE = {
    "written": 100,
    "unsubscribed": 0,
    "unmatched": 0,
    "delivery_errors": 5,
    "delivery_throttles": 15,
    "forwarded": 80,
    "given_up": 0,
    "given_up_replayed": 0,
    "expired": 1,
    "waiting": 8,
    "undecodable": 1,
    "received": 70,
    "dropped": {"debug": 9},
    "sinks": {"a": 50, "b": 6},
    "dead_lettered": 8,
    "replayed": 2,
    "purged": 1,
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
        ({"expired": 0}, [0, 1, 0]),
        ({"dead_lettered": 0}, [0, 0, 8]),
        ({"sinks": {"a": 60, "b": 6}}, [0, 0, -10]),
        ({"written": None}, [None, 0, 0]),
        ({"unmatched": None}, [None, 0, 0]),
        ({"forwarded": None}, [None, None, 0]),
        ({"dropped": None}, [0, 0, None]),
        ({"dropped": {}}, [0, 0, 9]),
        ({"extra_copies": None}, [0, 0, None]),
    ],
    ids=str,
)
def test_difference_is_named_only_if_every_count_was_read(values, expected):
    assert [station.unexplained for station in flow(**values).stations()] == expected


def section(**values):
    return flow_section(fleet(target("here", flow=TargetFlow(flow(**values)))))


def test_section_names_unread_counts():
    text = section(dropped=None, written=None)
    assert "Written: not read." in text
    assert "Received: the difference is unknown, because these were not read: Rules." in text


def test_section_names_the_unexplained_count():
    text = section(dead_lettered=0)
    assert "Received: 8 events are unexplained." in text


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
            replayed=0,
            purged=0,
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
    text = flow_section(fleet(target("here", flow=flow_of())))
    assert "<svg" not in text
    assert "every event is explained" in text


def test_fleet_flow_sums_only_targets_that_were_read_completely():
    """The sum of unequal sets of targets would have false differences."""
    part = TargetFlow(flow(forwarded=None), dollars=0.25)
    found = fleet_flow([("a", TargetFlow(flow(), dollars=0.5)), ("b", part), ("c", None), ("d", TargetFlow(flow()))])
    assert (found.flow.written, found.flow.sinks) == (200, {"a": 100, "b": 12})
    assert (found.summed, found.left_out, found.dollars) == (2, ("b", "c"), 0.75)
    assert fleet_flow([("a", None)]) is None
    assert fleet_flow([("a", part), ("b", part)]).flow.written is None
    assert fleet_flow([("a", part)]).flow.written == 100


def test_fleet_facts_are_sums_or_maxima_of_every_target():
    one = TargetFlow(flow(), {"Errors": 2, "AsyncEventAge": 700, "LastTestLine": 60, "LastTestLineMilliseconds": 900})
    two = TargetFlow(flow(written=None), {"Errors": 3, "AsyncEventAge": 300, "Retries": 1})
    found = fleet_flow([("a", one), ("b", two), ("c", None)])
    assert found.facts == {"AsyncEventAge": 700, "Errors": 5, "LastTestLineMilliseconds": 900, "Retries": 1}


def test_page_shows_facts_of_the_fleet_and_a_row_for_each_target():
    bad = TargetFlow(
        flow(written=None),
        {"Errors": 3, "LastTestLine": 60, "LastTestLineMilliseconds": 2149},
        ("metrics were not read: <b>",),
    )
    text = flow_section(fleet(target("fine", flow=flow_of()), target("bad", account="2", flow=bad)))
    assert '<th scope="row">Failed invocations</th><td>3</td>' in text
    assert '<th scope="row">Throttled invocations</th><td>not read</td>' in text
    assert text.index("bad</th><td>not read</td><td>80</td>") < text.index("fine</th><td>0</td><td>0</td>")
    assert "metrics were not read: &lt;b&gt;" in text
    assert text.index(">1970-01-01 00:01 UTC</time>, after 2.1 s") < text.index("none in the period")
    assert "Not in these sums, because not every count was read: 1 target (bad)." in text


def test_other_formats_show_the_events():
    known = TargetFlow(flow(written=107), {"Errors": 3}, dollars=0.25)
    report = fleet(target("here", flow=known), target("there", account="2"))
    metrics = "".join(FORMATS["openmetrics"].text(report, None))
    labels = 'account="111111111111",region="eu-west-1",host="here"'
    assert f'log_reflector_events{{{labels},count="unexplained_after_written"}} 7\n' in metrics
    assert f'log_reflector_event_facts{{{labels},fact="Errors"}} 3\n' in metrics
    assert "log_reflector_events_reading_dollars 0.250000\n" in metrics
    text = "".join(FORMATS["markdown"].text(report, None))
    assert "| Written | `Unexplained` | 7 |" in text
    assert "| `111111111111` | `eu-west-1` | `here` | 7 |  |" in text
    assert "1 target is not in these sums, because not every count was read. Reading this cost 0.2500 USD" in text


def test_sentences_name_every_loss_and_what_is_unknown():
    lines = list(sentences(FleetFlow(flow(), 1, dollars=0.0123)))
    assert lines[0] == (
        "Events: 100 written, 80 forwarded, 70 received, 56 delivered, 9 dropped by rule, 8 in the dead-letter queue."
    )
    assert "5 delivery errors, 15 throttled, 8 waiting, 1 expired, 1 undecodable, 8 dead-lettered" in lines[1]
    assert "Every event is explained. Reading this cost 0.0123 USD at list prices." in lines[1]
    _first, second = sentences(FleetFlow(flow(written=107, sinks=None), 1, ("b",)))
    assert "UNEXPLAINED: 7 after written." in second
    assert "Unknown: the differences after received." in second
    assert "1 target is not in these sums" in second


def test_terminal_names_the_period_of_the_counts():
    """ "0 written. Every event is explained." followed an event of a minute ago, and named no period."""
    lines = list(summary(fleet(target("here", flow=TargetFlow(flow()))), None))
    period = "Events from 1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z (later ones are not counted yet): "
    assert [line for line in lines if line.startswith("Events")] == [
        f"{period}100 written, 80 forwarded, 70 received, 56 delivered, 9 dropped by rule, 8 in the dead-letter queue."
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"written": -1},
        {"written": True},
        {"written": "7"},
        {"sinks": {"a": "7"}},
        {"dropped": []},
        {"begin": None},
        {"notes": "text"},
        {"notes": [1]},
        {"facts": {"Errors": "x"}},
        {"dollars": -1},
        {"dollars": float("nan")},
    ],
    ids=str,
)
def test_target_flow_of_another_shape_is_refused(change):
    whole = TargetFlow(flow(), {"Errors": 1}, ("note",), 0.5)
    assert TargetFlow.from_plain(whole.plain()) == whole
    with pytest.raises(ValueError, match=r"wrong value|no list|no number|no amount"):
        TargetFlow.from_plain({**whole.plain(), **change})
