# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions and aliases: download of each version's code, aliases of existing versions, PublishVersion's preconditions.

Sources: Lambda API Reference, GetFunction, PublishVersion (with its preconditions), CreateAlias, UpdateAlias.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import lambda_svc

from .functions import update_in_progress
from .hooks import Function, original, replace
from .validation import Answer, error

_check_revision = original(lambda_svc, "_check_revision", "current", "data")
_function_arn = original(lambda_svc, "_func_arn", "name")


def install() -> None:
    replace(lambda_svc, "_get_function", "name", "qualifier")(_hook_get_function)
    replace(lambda_svc, "serve_function_code", "func_name", "account_id", "region")(_hook_serve_function_code)
    replace(lambda_svc, "_publish_version", "name", "data")(_hook_publish_version)
    replace(lambda_svc, "_create_alias", "func_name", "data")(_hook_create_alias)
    replace(lambda_svc, "_update_alias", "func_name", "alias_name", "data")(_hook_update_alias)


def _hook_get_function(ministack: Function) -> Function:
    def get(name: str, qualifier: str | None = None) -> Answer:
        answer: Answer = ministack(name, qualifier)
        status, headers, body = answer
        if status != 200:
            return answer
        value = json.loads(body)
        version = value["Configuration"].get("Version", "$LATEST")
        if version != "$LATEST" and "Location" in value["Code"]:
            # MiniStack returns the URL of the newest code for every version.
            value["Code"]["Location"] = value["Code"]["Location"].replace(f"/{name}?", f"/{name}:{version}?", 1)
        return status, headers, json.dumps(value).encode()

    return get


def _hook_serve_function_code(ministack: Function) -> Function:
    def serve(func_name: str, account_id: str | None = None, region: str | None = None) -> Answer:
        name, _colon, version = func_name.partition(":")
        if not version:
            answer: Answer = ministack(name, account_id, region)
            return answer
        function = lambda_svc._functions.get_scoped(account_id, region, name) or {}
        kept = (function.get("versions") or {}).get(version)
        if kept is None:
            return 404, {"Content-Type": "text/plain"}, b"Version not found"
        return 200, {"Content-Type": "application/zip"}, kept.get("code_zip") or b""

    return serve


def _hook_publish_version(ministack: Function) -> Function:
    def publish(name: str, data: dict[str, Any]) -> Answer:
        config = (lambda_svc._functions.get(name) or {}).get("config")
        answer: Answer = (config and _publish_refusal(config, data)) or ministack(name, data)
        return answer

    return publish


def _hook_create_alias(ministack: Function) -> Function:
    def create(func_name: str, data: dict[str, Any]) -> Answer:
        answer: Answer = _version_refusal(func_name, data) or ministack(func_name, data)
        return answer

    return create


def _hook_update_alias(ministack: Function) -> Function:
    def update(func_name: str, alias_name: str, data: dict[str, Any]) -> Answer:
        answer: Answer = _version_refusal(func_name, data) or ministack(func_name, alias_name, data)
        return answer

    return update


def _publish_refusal(config: dict[str, Any], data: dict[str, Any]) -> Answer | None:
    """Return Lambda's error if the function is being updated or is not what the caller expects."""
    wanted = data.get("CodeSha256")
    if wanted and wanted != config.get("CodeSha256"):
        message = f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST"
        return error("InvalidParameterValueException", message)
    outdated: Answer | None = _check_revision(config, {key: data[key] for key in ("RevisionId",) if data.get(key)})
    return update_in_progress(config) or outdated


def _version_refusal(name: str, data: dict[str, Any]) -> Answer | None:
    function, version = lambda_svc._functions.get(name), data.get("FunctionVersion")
    if function is None or version is None or version == "$LATEST" or version in function["versions"]:
        return None
    return error("ResourceNotFoundException", f"Function not found: {_function_arn(name)}:{version}", 404)
