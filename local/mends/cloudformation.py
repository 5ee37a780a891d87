"""Resource types that the emulator does not know, so that it rejects the whole template, and what it leaves out."""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import iam, lambda_svc, secretsmanager
from ministack.services.cloudformation import provisioners

Created = tuple[str, dict[str, Any]]


def groups() -> None:
    """AWS::IAM::Group."""

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Created:
        name = properties.get("GroupName") or provisioners._physical_name(stack, logical_id, max_len=128)
        _succeed(iam._create_group({"GroupName": name, "Path": properties.get("Path", "/")}))
        _fill_group(name, properties)
        return name, {"Arn": iam._groups[name]["Arn"]}

    def update(name: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Created:
        _empty_group(name, old)
        _fill_group(name, new)
        return name, {"Arn": iam._groups[name]["Arn"]}

    def delete(name: str, properties: dict[str, Any]) -> None:
        if name in iam._groups:
            _empty_group(name, properties)
            _succeed(iam._delete_group({"GroupName": name}))

    provisioners._RESOURCE_HANDLERS["AWS::IAM::Group"] = {
        "create": create,
        "update": update,
        "delete": delete,
    }


def _fill_group(name: str, properties: dict[str, Any]) -> None:
    for arn in properties.get("ManagedPolicyArns") or []:
        iam.attach_managed_policy(iam._groups[name], arn)
    for policy in properties.get("Policies") or []:
        document = json.dumps(policy["PolicyDocument"])
        named = {"GroupName": name, "PolicyName": policy["PolicyName"]}
        _succeed(iam._put_group_policy({**named, "PolicyDocument": document}))


def _empty_group(name: str, properties: dict[str, Any]) -> None:
    for arn in properties.get("ManagedPolicyArns") or []:
        iam.detach_managed_policy(iam._groups[name], arn)
    for policy in properties.get("Policies") or []:
        iam._delete_group_policy({"GroupName": name, "PolicyName": policy["PolicyName"]})


def secret_policies() -> None:
    """AWS::SecretsManager::ResourcePolicy."""

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Created:
        policy = json.dumps(properties["ResourcePolicy"])
        _succeed(secretsmanager._put_resource_policy({"SecretId": properties["SecretId"], "ResourcePolicy": policy}))
        return properties["SecretId"], {}

    def update(arn: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Created:
        return create("", new, stack)

    def delete(arn: str, properties: dict[str, Any]) -> None:
        secretsmanager._delete_resource_policy({"SecretId": arn})

    handlers = {"create": create, "update": update, "delete": delete}
    provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::ResourcePolicy"] = handlers


def role_boundaries() -> None:
    """PermissionsBoundary of AWS::IAM::Role; the emulator leaves it out, so that the role may do more than on AWS."""
    _complete("AWS::IAM::Role", _bound)


def _bound(name: str, properties: dict[str, Any]) -> None:
    boundary = properties.get("PermissionsBoundary")
    if boundary:
        _succeed(iam._put_role_permissions_boundary({"RoleName": name, "PermissionsBoundary": boundary}))
    else:
        iam._roles[name].pop("PermissionsBoundary", None)


def reserved_concurrency() -> None:
    """ReservedConcurrentExecutions of AWS::Lambda::Function; the emulator keeps to it, but leaves it out here."""
    _complete("AWS::Lambda::Function", _reserve)


def _reserve(name: str, properties: dict[str, Any]) -> None:
    reserved = properties.get("ReservedConcurrentExecutions")
    lambda_svc._functions[name]["concurrency"] = None if reserved is None else int(reserved)


def _complete(resource: str, complete: Callable[[str, dict[str, Any]], None]) -> None:
    """Let `complete` see the name and the properties of every such resource that was made or changed."""
    handlers = provisioners._RESOURCE_HANDLERS[resource]
    original_create, original_update = handlers["create"], handlers["update"]

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = original_create(logical_id, properties, stack)
        complete(made[0], properties)
        return made

    def update(name: str, old: dict[str, Any], new: dict[str, Any], *more: Any) -> Any:
        made = original_update(name, old, new, *more)
        complete(made[0], new)
        return made

    provisioners._RESOURCE_HANDLERS[resource] = {**handlers, "create": create, "update": update}


def alarms_by_formula() -> None:
    """AWS::CloudWatch::Alarm with a formula, which the emulator rejects: kept as one of the formula's first metric."""
    original = provisioners._cw_metric_alarm_record

    def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        watched = [one["MetricStat"] for one in properties.get("Metrics") or [] if "MetricStat" in one]
        if watched:
            first = {**watched[0]["Metric"], "Statistic": watched[0]["Stat"], "Period": watched[0]["Period"]}
            properties = {**properties, **first, "Metrics": None}
        told: dict[str, Any] = original(name, properties)
        return told

    provisioners._cw_metric_alarm_record = record


def _succeed(answer: Any) -> None:
    if answer[0] >= 400:
        raise ValueError(answer[2].decode())


MENDS = [groups, secret_policies, role_boundaries, reserved_concurrency, alarms_by_formula]
