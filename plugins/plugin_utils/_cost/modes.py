# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The items that a deployment costs a month: one function for each mode, and one for what is deployed.

A new mode is one more function in MODES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...module_utils._parts.volume.figures import NOTHING, Range
from . import assumptions as given
from .assumptions import GB, Assumption, Ends
from .items import Estimate, Item, item
from .prices import Price, Prices

IN_AWS = ("firehose", "kinesis", "s3", "stdout")
"""Types of sinks in AWS. Data to them does not leave the region; what they cost themselves is not estimated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The quantities, facts and prices that the cost of a target depends on.

    bytes, events   written to the chosen log groups in a month; None if they are unknown
    functions       bytes and events of the log groups of Lambda functions among them
    facts           of the options, see `facts_of`
    vendor          dollars for each GB that the log service takes in; None if the user gave none
    egress          whether the data that leaves the function is billed as transfer to the internet
    targets         number of targets that share the functions of a destination in the mode centralized
    further_copies  number of copies that AWS makes beside the first one, such as in a backup region
    """

    bytes: Range | None
    events: Range | None
    facts: Mapping[str, Any]
    prices: Prices
    vendor: float | None = None
    egress: bool = True
    functions: tuple[Range, Range] = (NOTHING, NOTHING)
    targets: int = 1
    further_copies: int = 0

    @property
    def received(self) -> Range | None:
        """Bytes that reach the reflector. A filter pattern keeps back an unknown share."""
        return self.bytes.from_zero() if self.bytes and self.facts["filter_pattern"] else self.bytes

    @property
    def pattern(self) -> Ends:
        """The cases in which the ends of `received` are true."""
        return Ends("the filter pattern lets nothing pass" if self.facts["filter_pattern"] else "", "")

    @property
    def routes(self) -> Ends:
        """The cases in which the ends of `sent` are true."""
        if not self.facts["routes"]:
            return self.pattern
        return Ends("the routes drop every line", "the routes send every line to every sink")

    def sent(self, sinks: int) -> Range | None:
        """Bytes that so many sinks receive together. Routes drop an unknown share, or send a line to one sink only."""
        if self.received is None:
            return None
        found = self.received.times(float(sinks))
        return found.from_zero() if self.facts["routes"] else found

    def item(self, name: str, quantity: Range | None, price: str, *reasons: Ends | Assumption) -> Item:
        """Return an item at the price of that name."""
        return item(name, quantity, price, self.prices, *reasons)

    @property
    def outside(self) -> int:
        """Number of sinks outside AWS."""
        return sum(kind not in IN_AWS for kind in self.facts["sinks"])


def filters(plan: Plan) -> Estimate:
    """Return the cost of the mode filters: the subscriber sweeps and reads log groups."""
    return Estimate((*_forwarding(plan), *_fixed(plan), *_sweeps(plan)), _log_service(plan))


def account_policy(plan: Plan) -> Estimate:
    """Return the cost of the mode account_policy: the subscriber's rules are disabled, so no sweep runs."""
    return Estimate((*_forwarding(plan), *_fixed(plan)), _log_service(plan))


def centralized(plan: Plan) -> Estimate:
    """Return the cost of the mode centralized: AWS copies the log groups, and one account has the functions for all targets.

    The prices are those of the target's own region, as if the destination were there.
    """
    return Estimate((*_forwarding(plan), *_copies(plan), *_shared(plan)), _log_service(plan))


def firehose(plan: Plan) -> Estimate:
    """Return the cost of filters to a Firehose stream that writes to S3, without any function of ours."""
    return Estimate(tuple(_objects(plan)), Item("log_service", NOTHING, "GB", None))


MODES: Mapping[str, Callable[[Plan], Estimate]] = {
    "filters": filters,
    "account_policy": account_policy,
    "centralized": centralized,
}
"""The modes of a deployment."""

WAYS: Mapping[str, Callable[[Plan], Estimate]] = {**MODES, "firehose": firehose}
"""The modes, and what serves without a deployment of ours."""


def deployed(plan: Plan, usage: Mapping[str, Any] | None) -> Estimate | None:
    """Return the cost of what is deployed, from the functions' own figures; None without a reflector.

    usage   what the module volume_info read
    """
    if not usage or not usage.get("reflector"):
        return None
    estimate = MODES[plan.facts["mode"]](plan)
    measured = {each.name: each for each in _measured(plan, usage)}
    kept = [measured.pop(each.name, each) for each in estimate.items]
    return Estimate((*kept, *measured.values()), estimate.log_service)


def _forwarding(plan: Plan) -> Iterator[Item]:
    """Yield what grows with the volume."""
    requests, payload = _requests(plan), (plan.pattern, given.PAYLOAD_BYTES)
    yield plan.item("lambda_requests", requests, "lambda_request", *payload)
    yield plan.item(
        "lambda_time",
        _processing(plan, requests),
        f"lambda_gb_second_{plan.facts['architecture']}",
        *payload,
        given.WAIT_SECONDS,
        given.CPU_GB_SECONDS_A_GB,
    )
    log = requests and requests.times(given.OWN_LOG_BYTES.low / GB, given.OWN_LOG_BYTES.high / GB)
    yield plan.item("own_log", log, "log_ingestion", *payload, given.OWN_LOG_BYTES)
    yield _storage(plan, log)
    yield from _egress(plan)
    if plan.facts["secrets"]:
        ends = Ends("no new execution environment starts", "each execution environment serves 1,000 invocations")
        reads = requests and requests.times(1 / given.INVOCATIONS_A_SECRET_READ).from_zero()
        yield plan.item("secret_reads", reads, "secret_request", ends)


def _processing(plan: Plan, requests: Range | None) -> Range | None:
    """Return the GB-seconds of the reflector: it waits with all its memory, and computes."""
    if plan.received is None or requests is None:
        return None
    memory, cpu = plan.facts["memory_mb"] / 1024, given.CPU_GB_SECONDS_A_GB
    waiting = requests.times(given.WAIT_SECONDS.low * memory, given.WAIT_SECONDS.high * memory)
    return waiting + plan.received.times(cpu.low / GB, cpu.high / GB)


def _requests(plan: Plan) -> Range | None:
    """Return the number of invocations, which are not more than events."""
    if plan.received is None:
        return None
    low, high = plan.received.low / given.PAYLOAD_BYTES.low, _most_requests(plan)
    # Lines can be longer than a payload is taken to be.
    return Range(low if high is None else min(low, high), high).at_most(plan.events)


def _most_requests(plan: Plan) -> float | None:
    """Return how many payloads there are at most: of Lambda functions, and of all others."""
    size, lines = plan.functions
    whole, events = (each.high if each else None for each in (plan.bytes, plan.events))
    if whole is None or size.high is None:
        return None
    functions = size.high / given.FUNCTION_BYTES
    if lines.high is not None:
        functions = min(functions, lines.high / given.FUNCTION_LINES)
    small = plan.facts["log_groups"] * given.SMALL_PAYLOADS
    others = max(0.0, whole - size.high) / given.PAYLOAD_BYTES.high
    rest = None if events is None or lines.high is None else max(0.0, events - lines.high)
    others = others + small if rest is None else min(others + small, rest)
    # Without any volume there is no payload.
    return functions + others if whole else 0.0


def _storage(plan: Plan, log: Range | None) -> Item:
    """Return the storage of the reflector's own log."""
    days = plan.facts["log_retention_days"]
    months = (days or 365) / given.DAYS_A_MONTH
    stored = log and log.times(months * given.STORED.low, months * given.STORED.high)
    ever = Ends("", "" if days else "the log is kept for ever, and this is its storage after a year")
    return plan.item("own_log_storage", stored, "log_storage", given.STORED, ever)


def _egress(plan: Plan) -> Iterator[Item]:
    """Yield the transfer out of AWS, and the NAT gateway of a function in a VPC."""
    if plan.outside and plan.egress:
        out = _compressed(plan.sent(plan.outside))
        yield plan.item("transfer_out", out, "transfer_out", plan.routes, given.COMPRESSED)
    if plan.facts["in_vpc"]:
        through = _compressed(plan.sent(len(plan.facts["sinks"])))
        ends = Ends("the VPC has endpoints or another way out", "all data passes a NAT gateway")
        yield plan.item("nat_gateway_data", through and through.from_zero(), "nat_gb", ends)
        ends = Ends("the VPC has a NAT gateway anyway", "the NAT gateway serves this function alone")
        yield plan.item("nat_gateway_hours", Range(0, given.HOURS_A_MONTH), "nat_hour", ends)


def _compressed(sent: Range | None) -> Range | None:
    """Return the GB that leave the function."""
    return sent and sent.times(given.COMPRESSED.low / GB, given.COMPRESSED.high / GB)


def _fixed(plan: Plan) -> Iterator[Item]:
    """Yield what an idle deployment costs."""
    yield plan.item("alarms", _exactly(plan.facts["alarm_metrics"]), "alarm_metric")
    failures, polls = given.FAILURE_METRICS, given.QUEUE_POLLS
    yield plan.item("metrics", Range(failures.low, failures.high), "metric", failures)
    yield plan.item("queue", Range(polls.low, polls.high), "sqs_fifo_request", polls)
    yield plan.item("secrets", _exactly(plan.facts["secrets"]), "secret")


def _copies(plan: Plan) -> Iterator[Item]:
    """Yield the storage of the copies, and what further copies cost. The first copy has no other price."""
    size = plan.bytes and plan.bytes.times(1 / GB)
    days = given.COPY_DAYS
    low, high = (given.STORED.low * days.low, given.STORED.high * days.high)
    stored = size and size.times(low / given.DAYS_A_MONTH, high / given.DAYS_A_MONTH)
    yield plan.item("copy_storage", stored, "log_storage", given.STORED, days)
    if plan.further_copies:
        yield plan.item("further_copies", size and size.times(float(plan.further_copies)), "central_copy")


def _shared(plan: Plan) -> Iterator[Item]:
    """Yield this target's part of what an idle destination costs."""
    for each in _fixed(plan):
        yield replace(each, quantity=each.quantity and each.quantity.times(1 / plan.targets))


def _objects(plan: Plan) -> Iterator[Item]:
    """Yield what a Firehose stream and its objects in S3 cost."""
    data, requests = _compressed(plan.received), _requests(plan)
    billed = None
    if data and requests:
        # A record is billed in steps of 5 KB, so each adds at most one step.
        billed = data + requests.times(given.FIREHOSE_STEP_BYTES / GB).from_zero()
    yield plan.item("firehose_data", billed, "firehose_gb", plan.pattern, given.COMPRESSED, given.FIREHOSE_STEP)
    months = given.OBJECT_MONTHS
    stored = data and data.times(months.low, months.high)
    yield plan.item("object_storage", stored, "s3_storage", plan.pattern, given.COMPRESSED, months)
    buffers = given.OBJECT_BYTES
    objects = data and data.times(GB / buffers.low, GB / buffers.high)
    timed = _exactly(given.SMALL_PAYLOADS).from_zero() if data and data.high != 0 else NOTHING
    yield plan.item("object_requests", objects and objects + timed, "s3_request", plan.pattern, buffers)


def _exactly(count: float) -> Range:
    return Range(count, count)


def _sweeps(plan: Plan) -> Iterator[Item]:
    """Yield what the subscriber's sweeps cost. They read every log group, or a part of them each day."""
    sweeps, groups = plan.facts["sweeps_a_month"], plan.facts["log_groups"]
    reads = None if sweeps is None else Range(sweeps * groups / plan.facts["audit_days"], sweeps * groups)
    share = Ends("each sweep reads its share of the log groups", "each sweep reads all log groups")
    seconds = reads and reads.times(plan.facts["subscriber_memory_mb"] / 1024 / given.READS_A_SECOND)
    yield plan.item("subscriber_time", seconds, f"lambda_gb_second_{plan.facts['subscriber_architecture']}", share)
    notifications = plan.facts["notification_metrics"]
    metrics = given.SUBSCRIBER_METRICS + notifications
    count = None if sweeps is None else _exactly(sweeps * metrics * given.SWEEP_METRIC_HOURS)
    yield plan.item("sweep_metrics", count, "metric")
    if notifications:
        quiet = Ends("every log group logs all the time", "every log group has been quiet for three hours")
        yield plan.item("silent_sources", None if sweeps is None else Range(0, sweeps * groups), "metric_data", quiet)
    trail = Ends("no second trail records the sweeps' reads", "one more trail records each read")
    yield plan.item("trail_events", reads and reads.from_zero(), "trail_event", trail)


def _log_service(plan: Plan) -> Item:
    """Return what the log service charges, at the price that the user gave."""
    sent = plan.sent(len(plan.facts["sinks"]))
    price = None if plan.vendor is None else Price("log_service", plan.vendor, "GB", "given by the user", "", True)
    return Item("log_service", sent and sent.times(1 / GB), "GB", price, plan.routes)


def _measured(plan: Plan, usage: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the items that the functions' own figures replace. A figure that is unknown replaces none."""
    reflector, subscriber, queue = usage["reflector"], usage.get("subscriber"), usage.get("queue") or {}
    ends = Ends("days without data had no use", "days without data were like the others")
    log = _range(reflector["log_bytes"], 1 / GB)
    found = [("lambda_requests", _range(reflector["invocations"]), "lambda_request")]
    found += [("lambda_time", _time(reflector), f"lambda_gb_second_{reflector['architecture']}")]
    found += [("own_log", log, "log_ingestion"), ("queue", _polls(queue), "sqs_fifo_request")]
    if subscriber:
        found.append(("subscriber_time", _time(subscriber), f"lambda_gb_second_{subscriber['architecture']}"))
    for name, quantity, price in found:
        if quantity is not None:
            yield replace(plan.item(name, quantity, price, ends), basis="measured")
    if log is not None:
        yield _storage(plan, log)


def _range(measured: Mapping[str, Any] | None, factor: float = 1.0) -> Range | None:
    return Range(measured["low"], measured["high"]).times(factor) if measured else None


def _time(function: Mapping[str, Any]) -> Range | None:
    """Return GB-seconds. Lambda bills the start of an execution environment too, which Duration leaves out."""
    return _range(function["duration_ms"], function["memory_mb"] / 1024 / 1000)


def _polls(queue: Mapping[str, Any]) -> Range | None:
    """Return the requests to the queue: polls that found nothing, and for each message one to send, receive and delete it."""
    if (empty := _range(queue.get("empty_receives"))) is None:
        return None
    received, sent = _range(queue.get("received")), _range(queue.get("sent"))
    return empty + (received or _exactly(0)).times(2.0) + (sent or _exactly(0))
