"""A password that the requester has chosen: never in a request, but in a secret that the request names."""

from typing import Any

from gatehouse.errors import InvalidRequest
from gatehouse.model import FieldProblem

PREFIX = "gatehouse-chosen-password/"
"""What the name of such a secret begins with: Gatehouse can read no other secret of the account."""

FOR_TAG = "gatehouse:user-name"
"""The tag that says whose password it is, so that nobody has somebody else's handed out to a user of their own."""


AWS_KEY = "alias/aws/secretsmanager"
"""The key of a secret that names none: AWS leaves it out of the description."""


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
    if not str(secret.get("KmsKeyId", AWS_KEY)).endswith(AWS_KEY):
        return "must be a secret under the key aws/secretsmanager: Gatehouse cannot decrypt with another"
    if tags.get(FOR_TAG) != user_name:
        return f"must be a secret with the tag {FOR_TAG} = {user_name}"
    return None


def read(secretsmanager: Any, arn: str) -> str:
    """The password. Raises InvalidRequest for bytes; AWS's own errors go up: they name the secret, never its value."""
    value = secretsmanager.get_secret_value(SecretId=arn)
    if "SecretString" not in value:
        raise InvalidRequest([FieldProblem("password_secret_arn", "must be a secret that holds text")])
    return str(value["SecretString"])
