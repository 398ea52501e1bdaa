# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The event source mapping by which Lambda reads a queue or a stream for a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from .._errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    OutdatedError,
    ReflectorError,
    RefusedError,
    ThrottledError,
    check_name,
)
from .._plan import Change, Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .common import Call, check_number, own_arn
from .function_api import PROPAGATION
from .ownership import Ownership, owned_plan

_SOURCES = {"sqs", "kinesis", "dynamodb"}
"""Services whose event sources need no more than the options that the module has."""
_FUNCTION = (r"[a-zA-Z0-9-_]{1,64}(:[a-zA-Z0-9-_]{1,128})?", "a function's name, or NAME:ALIAS")
_QUEUE = (r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", "the name of an SQS queue, or an ARN")
_REPORT = "ReportBatchItemFailures"
_KIND = "event source mapping"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an update can change; None of a number where Lambda tells none.

    maximum_concurrency     0 where there is no limit of the mapping's own
    """

    enabled: bool = True
    batch_size: int | None = None
    maximum_batching_window: int | None = None
    report_batch_item_failures: bool = False
    maximum_concurrency: int = 0

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Settings:
        """From GetEventSourceMapping's answer, or an item of ListEventSourceMappings'."""
        return cls(
            enabled=answer.get("State") not in ("Disabled", "Disabling"),
            batch_size=answer.get("BatchSize"),
            maximum_batching_window=answer.get("MaximumBatchingWindowInSeconds"),
            report_batch_item_failures=_REPORT in (answer.get("FunctionResponseTypes") or ()),
            maximum_concurrency=(answer.get("ScalingConfig") or {}).get("MaximumConcurrency") or 0,
        )

    def request(self, standing: Settings) -> dict[str, Any]:
        """The parameters that make these settings of those standing; empty if there is nothing to change."""
        limit = {"MaximumConcurrency": self.maximum_concurrency} if self.maximum_concurrency else {}
        parameters = {
            "enabled": ("Enabled", self.enabled),
            "batch_size": ("BatchSize", self.batch_size),
            "maximum_batching_window": ("MaximumBatchingWindowInSeconds", self.maximum_batching_window),
            "report_batch_item_failures": (
                "FunctionResponseTypes",
                [_REPORT] if self.report_batch_item_failures else [],
            ),
            "maximum_concurrency": ("ScalingConfig", limit),
        }
        return dict(pair for name, pair in parameters.items() if getattr(self, name) != getattr(standing, name))

    def plain(self) -> Result:
        """In the words of the options, for diffs and results."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping as it stands. `tags` None where they were not asked for."""

    uuid: str
    function_arn: str
    source_arn: str
    state: str
    settings: Settings
    last_result: str = ""
    tags: Mapping[str, str] | None = None

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> Mapped:
        """From GetEventSourceMapping's answer, or an item of ListEventSourceMappings'."""
        return cls(
            uuid=answer["UUID"],
            function_arn=answer["FunctionArn"],
            source_arn=answer.get("EventSourceArn") or "",
            state=answer.get("State") or "",
            settings=Settings.from_api(answer),
            last_result=answer.get("LastProcessingResult") or "",
        )

    @property
    def arn(self) -> str:
        """The mapping's ARN. Older SDKs do not know the field, and of older mappings Lambda tells it without the account."""
        return f"{self.function_arn.partition(':function:')[0]}:event-source-mapping:{self.uuid}"

    @property
    def function_name(self) -> str:
        """NAME or NAME:ALIAS."""
        return self.function_arn.partition(":function:")[2]

    @property
    def settled(self) -> bool:
        """Whether nothing is under way: all other states pass by themselves (API reference, EventSourceMappingConfiguration)."""
        return self.state in ("Enabled", "Disabled")


class EventSourceMappingResource:
    """Identity: the function and the event source. Lambda's own id of the mapping is of no matter."""

    def __init__(self, target: Target, params: Params) -> None:
        self._target = target
        self._function: str = params["function_name"]
        check_name("function_name", self._function, *_FUNCTION)
        self._source: str = target.expand(params["event_source"])
        self._present = params["state"] == "present"
        self._starting_position: str | None = params["starting_position"]
        self._given = _given_settings(params) if self._present else {}
        if not self._source.startswith("arn:"):
            check_name("event_source", self._source, *_QUEUE)
        if self._present:
            self._check_source()
        self._name = f"{self._function} of {self._source.rsplit(':', 1)[-1]}"
        self._own = Ownership.from_params(f"{_KIND} {self._name}", lambda: target.where, params)
        self._api = MappingApi(target, self._name, RetryPolicy(seconds=params["wait_timeout"]))

    def read(self) -> Mapped | None:
        """One call to find it, one more for its tags if they matter; and what it takes until nothing is under way."""
        found = self._api.mapping(self._function, self._source_arn)
        if found and (self._own.concerns_tags or not self._present or self._changes(found)):
            found = replace(found, tags=self._api.tags(found.arn))
        return found

    def plan(self, actual: Mapped | None) -> list[Change]:
        """RefusedError if the mapping is foreign."""
        return owned_plan(
            self._own,
            actual,
            present=self._present,
            creation=self._creation,
            deletion=self._deletion,
            changes=self._changes,
        )

    def apply(self, change: Change) -> None:
        """The calls of one change, and the wait until Lambda has carried it out."""
        for call in change.payload:
            self._api.write(call, str(change))

    def facts(self, actual: Mapped | None) -> Result:
        """The mapping as it stands; null if it does not exist."""
        if actual is None:
            return {"mapping": None}
        return {
            "mapping": {
                "uuid": actual.uuid,
                "arn": actual.arn,
                "function_name": actual.function_name,
                "event_source_arn": actual.source_arn,
                "state": actual.state,
                "last_processing_result": actual.last_result,
                **actual.settings.plain(),
            }
        }

    @property
    def _source_arn(self) -> str:
        return self._source if self._source.startswith("arn:") else own_arn(self._target, "sqs", self._source)

    def _check_source(self) -> None:
        """InvalidInputError for what this kind of source does not have (page "Lambda parameters for Amazon SQS event
        source mappings", API reference of CreateEventSourceMapping)."""
        service = self._source.split(":")[2:3] if self._source.startswith("arn:") else ["sqs"]
        if not set(service) & _SOURCES:
            raise InvalidInputError("event_source", f"{self._source} is no SQS queue, Kinesis or DynamoDB stream")
        if service == ["sqs"]:
            if self._starting_position:
                raise InvalidInputError("starting_position", "a queue has none, only a stream does")
        else:
            if not self._starting_position:
                raise InvalidInputError("starting_position", "a stream needs it")
            if self._given.get("maximum_concurrency"):
                raise InvalidInputError("maximum_concurrency", "only mappings of SQS queues have it")
        if self._source.endswith(".fifo"):
            check_number("batch_size", self._given.get("batch_size"), 1, 10)
            if self._given.get("maximum_batching_window"):
                raise InvalidInputError("maximum_batching_window", "a FIFO queue has none")

    def _creation(self) -> Change:
        wanted = replace(Settings(), **self._given)
        tags = self._own.first_tags()
        request = {
            "FunctionName": self._function,
            "EventSourceArn": self._source_arn,
            **wanted.request(Settings()),
            "Tags": tags,
        }
        if self._starting_position:
            request["StartingPosition"] = self._starting_position
        plain = {**{name: value for name, value in wanted.plain().items() if value is not None}, "tags": tags}
        return Change("create", _KIND, self._name, None, plain, (Call("create_event_source_mapping", request),))

    def _changes(self, actual: Mapped) -> list[Change]:
        tags = self._own.tag_update(
            _KIND,
            self._name,
            actual.tags,
            tag=lambda tags: Call("tag_resource", {"Resource": actual.arn, "Tags": tags}),
            untag=lambda keys: Call("untag_resource", {"Resource": actual.arn, "TagKeys": keys}),
        )
        return [*tags, *self._settings_update(actual)]

    def _settings_update(self, actual: Mapped) -> Iterator[Change]:
        wanted = replace(actual.settings, **self._given)
        request = wanted.request(actual.settings)
        if request:
            call = Call("update_event_source_mapping", {"UUID": actual.uuid, **request})
            yield Change("update", _KIND, self._name, actual.settings.plain(), wanted.plain(), (call,))

    def _deletion(self, actual: Mapped) -> Change:
        call = Call("delete_event_source_mapping", {"UUID": actual.uuid})
        before = {**actual.settings.plain(), "tags": dict(actual.tags or {})}
        return Change("delete", _KIND, self._name, before, None, (call,))


class _UnderWayError(ConflictError):
    """The mapping is in a state that passes by itself."""


class MappingApi:
    """The calls to Lambda about one mapping."""

    def __init__(self, target: Target, name: str, retry_policy: RetryPolicy) -> None:
        self._target = target
        self._name = name
        self._patience = retry_policy

    def mapping(self, function: str, source_arn: str) -> Mapped | None:
        """The mapping without its tags, None if it does not exist; waits for what is under way, a deletion included.

        The source's mappings are listed, not the function's: those of a function that is deleted stay, and Lambda does
        not list by the name of one.
        """
        with self._target.describe_operation(f"list the event source mappings of {source_arn}"):
            paginator = self._client.get_paginator("list_event_source_mappings")
            items = paginator.paginate(EventSourceArn=source_arn).build_full_result()["EventSourceMappings"]
        found = [mapped for mapped in map(Mapped.from_api, items) if mapped.function_name == function]
        if len(found) > 1:
            ids = ", ".join(sorted(mapped.uuid for mapped in found))
            advice = "Delete all but one of them."
            raise RefusedError(
                f"find {_KIND} {self._name}", f"there are several: {ids}", advice=advice, where=self._where
            )
        if not found or found[0].settled:
            return found[0] if found else None
        return self._settled(found[0].uuid, f"wait for the change under way of {_KIND} {self._name}")

    def tags(self, arn: str) -> dict[str, str]:
        """The mapping's tags."""
        with self._target.describe_operation(f"read the tags of {_KIND} {self._name}"):
            return dict(self._client.list_tags(Resource=arn).get("Tags") or {})

    def write(self, call: Call, operation: str) -> None:
        """Make one writing call, and wait until the mapping has come to rest or is gone."""
        later: Call | None = None
        if call.method == "create_event_source_mapping":
            call, later = self._creation(call)
        answer = self._made(call, operation)
        uuid = (answer or {}).get("UUID") or call.request.get("UUID")
        if later:
            arn = Mapped.from_api(answer or {}).arn
            self._made(replace(later, request={**later.request, "Resource": arn}), operation)
        if uuid:
            self._settled(uuid, operation)

    def _creation(self, call: Call) -> tuple[Call, Call | None]:
        """The creation, and the call that sets its tags where the SDK is older than the tags of mappings (before October 2024)."""
        api_operation = self._client.meta.service_model.operation_model("CreateEventSourceMapping")
        if "Tags" in api_operation.input_shape.members:
            return call, None
        request = {name: value for name, value in call.request.items() if name != "Tags"}
        return Call(call.method, request), Call("tag_resource", {"Tags": call.request["Tags"]})

    def _made(self, call: Call, operation: str) -> Mapping[str, Any] | None:
        """AWS's answer; None where what is to be deleted is gone already. OutdatedError if somebody else was faster to create."""
        started = self._patience.clock()

        def make() -> Mapping[str, Any]:
            with self._target.describe_operation(operation):
                return call.made_with(self._client)

        def passes(error: ReflectorError) -> bool:
            if _not_seen(error):
                return self._patience.clock() - started < PROPAGATION
            return _passes(error)

        try:
            return self._patience.wait_out(make, passes)
        except NotFoundError:
            if call.method != "delete_event_source_mapping":
                raise
            return None
        except ReflectorError as error:
            if call.method == "create_event_source_mapping" and error.code == "ResourceConflictException":
                raise OutdatedError(error.operation, error.message, code=error.code, where=error.where) from error
            if _not_seen(error):
                error = error.with_advice(_NOT_SEEN_HINT)
            raise error from None

    def _settled(self, uuid: str, operation: str) -> Mapped | None:
        """The mapping once nothing is under way, None once it is gone."""

        def look() -> Mapped:
            with self._target.describe_operation(operation):
                mapped = Mapped.from_api(self._client.get_event_source_mapping(UUID=uuid))
            if mapped.settled:
                return mapped
            message = f"it is still {mapped.state} after {self._patience.seconds:g} seconds"
            advice = "Run again, or raise wait_timeout."
            raise _UnderWayError(operation, message, advice=advice, where=self._where)

        try:
            return self._patience.wait_out(look, lambda error: isinstance(error, (ThrottledError, _UnderWayError)))
        except NotFoundError:
            return None

    @property
    def _client(self) -> Any:
        return self._target.client("lambda")

    @property
    def _where(self) -> str:
        return self._target.where


def _given_settings(params: Params) -> dict[str, Any]:
    """The settings that the user gave; the others are left alone."""
    check_number("batch_size", params["batch_size"], 1, 10_000)
    check_number("maximum_batching_window", params["maximum_batching_window"], 0, 300)
    if params["maximum_concurrency"]:  # 0 takes the limit away
        check_number("maximum_concurrency", params["maximum_concurrency"], 2, 1000)
    names = (
        "enabled",
        "batch_size",
        "maximum_batching_window",
        "report_batch_item_failures",
        "maximum_concurrency",
    )
    return {name: params[name] for name in names if params[name] is not None}


# AWS gives none of them a code of its own: all come as InvalidParameterValueException.
_NOT_SEEN = (
    "cannot be assumed",
    "role does not have permissions",
    "ensure the role can perform",
    "NonExistentQueue",
)
_NOT_SEEN_HINT = (
    "Check that the event source exists and that the function's role may read it (of a queue sqs:ReceiveMessage, sqs:DeleteMessage and "
    "sqs:GetQueueAttributes); what was just made is waited for, and this was not ready in time."
)


def _not_seen(error: ReflectorError) -> bool:
    """Whether a role, a permission of it or the queue does not exist or is not known everywhere yet."""
    return error.code == "InvalidParameterValueException" and any(words in error.message for words in _NOT_SEEN)


def _passes(error: ReflectorError) -> bool:
    """A change of the mapping that is under way, a rate shared with others, a bad moment."""
    return isinstance(error, ThrottledError) or error.code in ("ResourceInUseException", "ServiceException")
