"""A password that the requester has chosen: never in a request, but in a secret that the request names."""

from typing import Any

PREFIX = "gatehouse-chosen-password/"
"""What the name of such a secret begins with: Gatehouse can read no other secret of the account."""

FOR_TAG = "gatehouse:user-name"
"""The tag that says whose password it is, so that nobody has somebody else's handed out to a user of their own."""


def problem(secretsmanager: Any, arn: str, user_name: str) -> str | None:
    """What is wrong with the secret, told by its metadata; None if nothing is."""
    region, name = arn.split(":")[3], arn.split(":")[6]
    if region != secretsmanager.meta.region_name:
        return f"must be a secret of Region {secretsmanager.meta.region_name}"
    if not name.startswith(PREFIX):
        return f"must be a secret whose name begins with {PREFIX}"
    try:
        secret = secretsmanager.describe_secret(SecretId=arn)
    except secretsmanager.exceptions.ResourceNotFoundException:
        return "must be a secret that exists"
    tags = {tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])}
    if secret.get("DeletedDate") or not secret.get("VersionIdsToStages"):
        return "must be a secret that has a value"
    if tags.get(FOR_TAG) != user_name:
        return f"must be a secret with the tag {FOR_TAG} = {user_name}"
    return None


def read(secretsmanager: Any, arn: str) -> str:
    """The password. AWS's own errors go up; they name the secret, never its value."""
    return str(secretsmanager.get_secret_value(SecretId=arn)["SecretString"])
