"""The settings, from the environment. Names are those of Sumo Logic's own CloudWatch Lambda where it has the setting.

| variable | default | meaning |
|---|---|---|
| `SUMO_ENDPOINT` | (required) | https URL of the HTTP source (http for loopback only), or a reference: see `secrets` |
| `SOURCE_NAME_OVERRIDE` | the log stream | `X-Sumo-Name`; `none` sends no header |
| `SOURCE_HOST_OVERRIDE` | the log group | `X-Sumo-Host`; `none` sends no header |
| `SOURCE_CATEGORY_OVERRIDE` | none | `X-Sumo-Category` |
| `SOURCE_FIELDS_OVERRIDE` | none | `X-Sumo-Fields`, as `key=value,key=value` |
| `INCLUDE_LOG_INFO` | false | `logStream` and `logGroup` in each record |
| `INCLUDE_EVENT_ID` | false | CloudWatch's event `id` in each record |
| `INCLUDE_EXTRACTED_FIELDS` | false | `extractedFields` in each record whose filter pattern names fields |
| `LOG_STREAM_PREFIX` | every stream | comma-separated prefixes, case-insensitive; other streams are dropped |
| `COMPRESS_DATA` | true | gzip request bodies |

An empty variable is one that is not set, as with Sumo Logic's. Booleans: true or false (also 1/0, yes/no, on/off), in any case.
"""

import os
from dataclasses import dataclass, field
from functools import lru_cache

_VARIABLES = (
    "SUMO_ENDPOINT",
    "SOURCE_NAME_OVERRIDE",
    "SOURCE_HOST_OVERRIDE",
    "SOURCE_CATEGORY_OVERRIDE",
    "SOURCE_FIELDS_OVERRIDE",
    "INCLUDE_LOG_INFO",
    "INCLUDE_EVENT_ID",
    "INCLUDE_EXTRACTED_FIELDS",
    "LOG_STREAM_PREFIX",
    "COMPRESS_DATA",
)
_BOOLEANS = {
    word: value for value, words in {True: "true 1 yes on", False: "false 0 no off"}.items() for word in words.split()
}


class SettingsError(Exception):
    """A setting is missing or unusable. The text names the variable and what is allowed, never a value that is secret."""


@dataclass(frozen=True, slots=True)
class Settings:
    """See the table above. Overrides are empty when not set; `sumo_endpoint` is as written, not resolved yet."""

    sumo_endpoint: str = field(repr=False)
    source_name: str
    source_host: str
    source_category: str
    source_fields: str
    include_log_info: bool
    include_event_id: bool
    include_extracted_fields: bool
    log_stream_prefixes: tuple[str, ...]
    compress_data: bool


def current_settings() -> Settings:
    """The settings of this environment. Raises SettingsError."""
    return _parsed(tuple(os.environ.get(name, "").strip() for name in _VARIABLES))


@lru_cache(maxsize=1)  # a function's environment never changes: this parses once
def _parsed(values: tuple[str, ...]) -> Settings:
    value = dict(zip(_VARIABLES, values, strict=True))
    if not value["SUMO_ENDPOINT"]:
        raise SettingsError(
            "SUMO_ENDPOINT is not set: give the https URL of a Sumo Logic HTTP source, or a reference to a secret that holds it."
        )
    return Settings(
        sumo_endpoint=value["SUMO_ENDPOINT"],
        source_name=value["SOURCE_NAME_OVERRIDE"],
        source_host=value["SOURCE_HOST_OVERRIDE"],
        source_category=value["SOURCE_CATEGORY_OVERRIDE"],
        source_fields=value["SOURCE_FIELDS_OVERRIDE"],
        include_log_info=_boolean(value, "INCLUDE_LOG_INFO", default=False),
        include_event_id=_boolean(value, "INCLUDE_EVENT_ID", default=False),
        include_extracted_fields=_boolean(value, "INCLUDE_EXTRACTED_FIELDS", default=False),
        log_stream_prefixes=tuple(filter(None, map(str.strip, value["LOG_STREAM_PREFIX"].split(",")))),
        compress_data=_boolean(value, "COMPRESS_DATA", default=True),
    )


def _boolean(value: dict[str, str], name: str, *, default: bool) -> bool:
    if not value[name]:
        return default
    try:
        return _BOOLEANS[value[name].lower()]
    except KeyError:
        raise SettingsError(f"{name} must be true or false.") from None
