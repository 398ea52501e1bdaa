"""Which payloads are not forwarded. A rule answers its own name, or None when the payload may pass.

A payload has one log group and one log stream, so a rule drops it whole.
"""

from collections.abc import Iterable

from .decode import CONTROL_MESSAGE, Payload

OWN_LOG_GROUP = "own log group"


def never_forwarded(payload: Payload, own_log_group: str) -> str | None:
    """Health checks of CloudWatch Logs, and the reflector's own log.

    AWS refuses to subscribe a function's own log group under its default name only (AWS page "Log recursion prevention").
    With a custom one nothing reaches the sink, and no accounting line of ours makes the next event; Lambda's own START, END
    and REPORT lines still do, so that the function goes on invoking itself until that subscription is removed.
    """
    if payload.message_type == CONTROL_MESSAGE:
        return "control message"
    if own_log_group and payload.log_group == own_log_group:
        return OWN_LOG_GROUP
    return None


def not_selected(payload: Payload, log_stream_prefixes: Iterable[str]) -> str | None:
    """Streams that begin with none of the prefixes (compared casefolded; no prefixes select every stream)."""
    prefixes = tuple(prefix.casefold() for prefix in log_stream_prefixes)
    if prefixes and not payload.log_stream.casefold().startswith(prefixes):
        return "log stream prefix"
    return None
