"""Which payloads are not forwarded. A rule answers its own name, or None when the payload may pass.

A payload has one log group and one log stream, so a rule drops it whole.
"""

from collections.abc import Iterable

from .decode import CONTROL_MESSAGE, Payload


def never_forwarded(payload: Payload, own_log_group: str) -> str | None:
    """Health checks of CloudWatch Logs, and the reflector's own log.

    Forwarding its own log would make it write the next line to forward, without end. AWS refuses that subscription for the
    default log group only (AWS page "Log recursion prevention"); a custom one must be stopped here.
    """
    if payload.message_type == CONTROL_MESSAGE:
        return "control message"
    if own_log_group and payload.log_group == own_log_group:
        return "own log group"
    return None


def not_selected(payload: Payload, log_stream_prefixes: Iterable[str]) -> str | None:
    """Streams that begin with none of the prefixes (compared casefolded; no prefixes select every stream)."""
    prefixes = tuple(prefix.casefold() for prefix in log_stream_prefixes)
    if prefixes and not payload.log_stream.casefold().startswith(prefixes):
        return "log stream prefix"
    return None
