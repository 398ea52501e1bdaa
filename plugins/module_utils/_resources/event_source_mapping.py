# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The event source mapping through which Lambda reads an SQS queue for a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import ConflictError, NotFoundError, ReflectorError, RefusedError, ThrottledError, check_name
from .._plan import Change, Result
from .._session import Target
from .common import IAM_SECONDS, Call, check_number
from .owned_resource import OwnedResource, OwnedState

_FUNCTION = (r"[a-zA-Z0-9-_]{1,64}(:[a-zA-Z0-9-_]{1,128})?", "a function's name, or NAME:ALIAS")
_QUEUE = (r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", "the name of an SQS queue")
_REPORT = "ReportBatchItemFailures"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSettings:
    """The desired state of a mapping. Whether it is enabled is left alone: somebody may have paused it.

    function_name   NAME or NAME:ALIAS
    queue           the queue's name
    batch_size      1 to 10: larger batches need a batching window, which FIFO queues do not have
    wait_seconds    for changes of the mapping, and for permissions of a new role
    """

    function_name: str
    queue: str
    present: bool = True
    batch_size: int = 10
    report_batch_item_failures: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMapping(OwnedState):
    """A mapping as it was read."""

    uuid: str
    function_arn: str
    queue_arn: str
    state: str
    last_result: str
    batch_size: int | None
    report_batch_item_failures: bool

    @classmethod
    def from_api(cls, answer: Mapping[str, Any]) -> SourceMapping:
        """Return the mapping of a GetEventSourceMapping answer, or of an item of ListEventSourceMappings."""
        return cls(
            uuid=answer["UUID"],
            function_arn=answer["FunctionArn"],
            queue_arn=answer.get("EventSourceArn") or "",
            state=answer.get("State") or "",
            last_result=answer.get("LastProcessingResult") or "",
            batch_size=answer.get("BatchSize"),
            report_batch_item_failures=_REPORT in (answer.get("FunctionResponseTypes") or ()),
        )

    @property
    def arn(self) -> str:
        """The mapping's ARN, derived: older SDKs do not know the field, and Lambda omits the account of older mappings in it."""
        return f"{self.function_arn.partition(':function:')[0]}:event-source-mapping:{self.uuid}"

    @property
    def function_name(self) -> str:
        """NAME or NAME:ALIAS."""
        return self.function_arn.partition(":function:")[2]

    @property
    def has_settled(self) -> bool:
        """Whether no change is in progress (API reference, EventSourceMappingConfiguration)."""
        return self.state in ("Enabled", "Disabled")

    def plain(self) -> Result:
        """Return the settings for diffs and results."""
        return {"batch_size": self.batch_size, "report_batch_item_failures": self.report_batch_item_failures}


class _InProgressError(ConflictError):
    """A change of the mapping is in progress."""


class EventSourceMapping(OwnedResource[SourceMapping]):
    """Identity: the function and the queue, not the id that Lambda gives the mapping."""

    kind, service = "event source mapping", "lambda"
    transient_codes = ("ResourceInUseException", "ServiceException")
    taken_codes = ("ResourceConflictException",)

    def __init__(self, target: Target, settings: MappingSettings) -> None:
        check_name("function_name", settings.function_name, *_FUNCTION)
        check_name("queue", settings.queue, *_QUEUE)
        check_number("batch_size", settings.batch_size, 1, 10)
        name = f"{settings.function_name} of {settings.queue}"
        super().__init__(target, name, present=settings.present, tags=settings.tags, wait_seconds=settings.wait_seconds)
        self._settings = settings
        self._started = 0.0

    def facts(self, actual: SourceMapping | None) -> Result:
        """Return the mapping's fields; None if it does not exist."""
        if actual is None:
            return {"mapping": None}
        return {
            "mapping": {
                "uuid": actual.uuid,
                "arn": actual.arn,
                "function_name": actual.function_name,
                "event_source_arn": actual.queue_arn,
                "state": actual.state,
                "last_processing_result": actual.last_result,
                **actual.plain(),
            }
        }

    @property
    def _queue_arn(self) -> str:
        return self._target.arn("sqs", self._settings.queue)

    def _find(self) -> SourceMapping | None:
        """Return the mapping, after waiting for a change that is in progress, a deletion included.

        Lists the mappings of the queue, not of the function: those of a deleted function stay, and Lambda does not list
        by its name.
        """
        with self._target.describe_operation(f"list the event source mappings of {self._queue_arn}"):
            paginator = self._client.get_paginator("list_event_source_mappings")
            items = paginator.paginate(EventSourceArn=self._queue_arn).build_full_result()["EventSourceMappings"]
        mappings = map(SourceMapping.from_api, items)
        found = [mapping for mapping in mappings if mapping.function_name == self._settings.function_name]
        if len(found) > 1:
            ids = ", ".join(sorted(mapping.uuid for mapping in found))
            advice = "Delete all but one of them."
            raise RefusedError(
                f"find {self._own.what}", f"there are several: {ids}", advice=advice, where=self._target.where
            )
        if not found or found[0].has_settled:
            return found[0] if found else None
        return self._wait_until_settled(found[0].uuid, f"wait for the change in progress of {self._own.what}")

    def _read_tags(self, found: SourceMapping) -> dict[str, str]:
        with self._target.describe_operation(f"read the tags of {self._own.what}"):
            return dict(self._client.list_tags(Resource=found.arn).get("Tags") or {})

    def _creation(self) -> Change:
        settings, tags = self._settings, self._own.creation_tags()
        request = {"FunctionName": settings.function_name, "EventSourceArn": self._queue_arn, "Tags": tags}
        call = Call("create_event_source_mapping", {**request, **_parameters(self._desired())})
        return self._change("create", None, {**self._desired(), "tags": tags}, call)

    def _changes(self, actual: SourceMapping) -> list[Change]:
        changes = self._tag_update(actual, lambda tags: Call("tag_resource", {"Resource": actual.arn, "Tags": tags}))
        before, after = actual.plain(), self._desired()
        changed = {name: value for name, value in after.items() if value != before[name]}
        if changed:
            call = Call("update_event_source_mapping", {"UUID": actual.uuid, **_parameters(changed)})
            changes.append(self._change("update", before, after, call))
        return changes

    def _deletion(self, actual: SourceMapping) -> Change:
        before = {**actual.plain(), "tags": dict(actual.tags or {})}
        return self._change("delete", before, None, Call("delete_event_source_mapping", {"UUID": actual.uuid}))

    def _desired(self) -> Result:
        settings = self._settings
        return {
            "batch_size": settings.batch_size,
            "report_batch_item_failures": settings.report_batch_item_failures,
        }

    def _write(self, call: Call, operation: str) -> Mapping[str, Any] | None:
        """Make the call, and wait until Lambda has carried it out."""
        self._started, tagging = self._retry_policy.clock(), None
        if call.method == "create_event_source_mapping" and not self._sdk_creates_tags:
            request = dict(call.request)
            tagging = {"Tags": request.pop("Tags")}
            call = Call(call.method, request)
        try:
            answer = super()._write(call, operation)
        except ReflectorError as error:
            raise (error.with_advice(_NOT_SEEN_ADVICE) if _is_not_seen(error) else error) from None
        if tagging and answer:
            arn = SourceMapping.from_api(answer).arn
            super()._write(Call("tag_resource", {"Resource": arn, **tagging}), operation)
        if uuid := (answer or {}).get("UUID"):
            self._wait_until_settled(uuid, operation)
        return answer

    @property
    def _sdk_creates_tags(self) -> bool:
        """Whether the SDK is newer than October 2024: before, mappings had no tags."""
        operation = self._client.meta.service_model.operation_model("CreateEventSourceMapping")
        return "Tags" in operation.input_shape.members

    def _wait_until_settled(self, uuid: str, operation: str) -> SourceMapping | None:
        """Return the mapping when no change is in progress, None when it is gone."""

        def read_mapping() -> SourceMapping:
            with self._target.describe_operation(operation):
                mapping = SourceMapping.from_api(self._client.get_event_source_mapping(UUID=uuid))
            if mapping.has_settled:
                return mapping
            message = f"it is still {mapping.state} after {self._retry_policy.seconds:g} seconds"
            raise _InProgressError(operation, message, advice="Run again.", where=self._target.where)

        try:
            return self._retry_policy.wait_out(
                read_mapping, lambda error: isinstance(error, (ThrottledError, _InProgressError))
            )
        except NotFoundError:
            return None

    def _is_transient(self, error: ReflectorError) -> bool:
        if _is_not_seen(error):
            return self._retry_policy.clock() - self._started < IAM_SECONDS
        return super()._is_transient(error)


def _parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as CreateEventSourceMapping and UpdateEventSourceMapping take them."""
    names = {"batch_size": "BatchSize", "report_batch_item_failures": "FunctionResponseTypes"}
    return {
        names[name]: ([_REPORT] if value else []) if name == "report_batch_item_failures" else value
        for name, value in settings.items()
    }


# AWS has no separate error codes for them: all are InvalidParameterValueException.
_NOT_SEEN = (
    "cannot be assumed",
    "role does not have permissions",
    "ensure the role can perform",
    "NonExistentQueue",
)
_NOT_SEEN_ADVICE = (
    "Check that the queue exists and that the function's role allows sqs:ReceiveMessage, sqs:DeleteMessage and "
    "sqs:GetQueueAttributes on it. A new role or queue may need another minute: run again."
)


def _is_not_seen(error: ReflectorError) -> bool:
    """Return whether the role, its permission or the queue does not exist or is not known everywhere yet."""
    return error.code == "InvalidParameterValueException" and any(words in error.message for words in _NOT_SEEN)
