# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deployer's bounded policy and the CloudFormation template of its role, from docs/iam/deployer-policy.json.

A bounded deployer can only create and change execution roles that have the permissions boundary, and cannot remove it.
"""

from __future__ import annotations

import json
from typing import Any

Document = dict[str, Any]

BOUNDARY_NAME = "log-reflector-boundary"
BOUNDARY_ARN = f"arn:aws:iam::*:policy/{BOUNDARY_NAME}"
ROLES_SID = "ExecutionRoles"
# Actions on a role that have the condition key iam:PermissionsBoundary (Service Authorization Reference, IAM).
BOUNDED_ACTIONS = ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy")
UNBOUNDING_ACTION = "iam:DeleteRolePermissionsBoundary"


def bounded(policy: Document) -> Document:
    """Return the policy for deployers whose roles must have the boundary."""
    statements = []
    for statement in policy["Statement"]:
        statements += _bounded_roles(statement) if statement["Sid"] == ROLES_SID else [statement]
    return {**policy, "Statement": statements}


def _bounded_roles(roles: Document) -> list[Document]:
    others = [action for action in roles["Action"] if action not in (*BOUNDED_ACTIONS, UNBOUNDING_ACTION)]
    return [
        {**roles, "Action": others},
        {
            **roles,
            "Sid": f"Bounded{ROLES_SID}",
            "Action": list(BOUNDED_ACTIONS),
            "Condition": {"ArnLike": {"iam:PermissionsBoundary": BOUNDARY_ARN}},
        },
    ]


def as_text(policy: Document) -> str:
    """Return the text of a policy's file."""
    return json.dumps(policy, indent=2) + "\n"


_PARAMETERS: Document = {
    "TrustedAccount": {
        "Type": "String",
        "AllowedPattern": r"\d{12}",
        "Description": "Account of the identity that runs the playbooks.",
    },
    "TrustedRole": {
        "Type": "String",
        "AllowedPattern": r"[\w+=,.@/*-]+",
        "Description": (
            "The role of that account that may assume the deployer, as its ARN has it after role/. A * matches any text, as in"
            " aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Platform_*."
        ),
    },
    "Variant": {
        "Type": "String",
        "AllowedValues": ["bounded", "plain"],
        "Default": "bounded",
        "Description": (
            "bounded: execution roles must have the permissions boundary log-reflector-boundary, which this stack creates. Set"
            " account_permissions_boundary to it. plain: execution roles have no boundary."
        ),
    },
}


def template(policy: Document, boundary: Document) -> Document:
    """Return the CloudFormation template of the deployer's role in both variants."""
    limited = bounded(policy)
    both, only_plain, only_bounded = (
        {**policy, "Statement": statements}
        for statements in (
            [each for each in policy["Statement"] if each in limited["Statement"]],
            [each for each in policy["Statement"] if each not in limited["Statement"]],
            [each for each in limited["Statement"] if each not in policy["Statement"]],
        )
    )
    resources = {
        "Boundary": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Condition": "IsBounded",
            "Properties": {"ManagedPolicyName": BOUNDARY_NAME, "PolicyDocument": _substituted(boundary)},
        },
        "Deployer": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "log-reflector-deployer",
                "Description": "Log Reflector, deploys and removes everything in this account",
                "AssumeRolePolicyDocument": _trust(),
                "Policies": [{"PolicyName": "deploy", "PolicyDocument": _substituted(both)}],
            },
        },
        "ExecutionRoles": _policy("IsPlain", "execution-roles", only_plain),
        "BoundedExecutionRoles": _policy("IsBounded", "bounded-execution-roles", only_bounded),
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Log Reflector: the role that the playbooks assume in this account. For a StackSet over the organisation.",
        "Parameters": _PARAMETERS,
        "Conditions": {
            "IsBounded": {"Fn::Equals": [{"Ref": "Variant"}, "bounded"]},
            "IsPlain": {"Fn::Equals": [{"Ref": "Variant"}, "plain"]},
        },
        "Resources": resources,
        "Outputs": {"DeployerArn": {"Value": {"Fn::GetAtt": ["Deployer", "Arn"]}}},
    }


def _policy(condition: str, name: str, document: Document) -> Document:
    return {
        "Type": "AWS::IAM::Policy",
        "Condition": condition,
        "Properties": {
            "PolicyName": name,
            "PolicyDocument": _substituted(document),
            "Roles": [{"Ref": "Deployer"}],
        },
    }


def _trust() -> Document:
    account = "arn:${AWS::Partition}:iam::${TrustedAccount}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": {"Fn::Sub": f"{account}:root"}},
                "Action": "sts:AssumeRole",
                "Condition": {"ArnLike": {"aws:PrincipalArn": {"Fn::Sub": f"{account}:role/${{TrustedRole}}"}}},
            }
        ],
    }


def _substituted(value: Any) -> Any:
    """Return a document whose ARNs have the partition of the stack."""
    if isinstance(value, dict):
        return {key: _substituted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_substituted(each) for each in value]
    if isinstance(value, str) and value.startswith("arn:aws:"):
        return {"Fn::Sub": value.replace("arn:aws:", "arn:${AWS::Partition}:", 1)}
    return value
