"""Secrets Manager: what a repeated write is, and the key behind a secret."""

from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import secretsmanager

from local.mends import rights


def repeated_token() -> None:
    """PutSecretValue with a known ClientRequestToken: the same value is a repetition, another one is refused.

    The emulator overwrites, so a retry that made a new password would go unnoticed.
    """
    original = secretsmanager._put_secret_value

    def put(data: dict[str, Any]) -> Any:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        token = data.get("ClientRequestToken")
        known = ((secret or {}).get("Versions") or {}).get(token)
        if known is None:
            return original(data)
        if any(known.get(part) != data.get(part) for part in ("SecretString", "SecretBinary")):
            return error_response_json(
                "ResourceExistsException",
                f"You can't use ClientRequestToken {token} because that value is already in use "
                f"for a version of secret {secret['ARN']}.",
                400,
            )
        return original({**data, "VersionStages": known["Stages"] or ["AWSCURRENT"]})

    secretsmanager._put_secret_value = put


_KEY_ACTIONS = {
    "secretsmanager:GetSecretValue": ["kms:Decrypt"],
    "secretsmanager:PutSecretValue": ["kms:GenerateDataKey", "kms:Decrypt"],
    "secretsmanager:UpdateSecret": ["kms:GenerateDataKey", "kms:Decrypt"],
}


def key_behind_a_secret() -> None:
    """Reading or writing a secret under a customer-managed key also takes that key, via Secrets Manager.

    The emulator never asks it.
    """

    def key_rights(action: str, resource: str, _: Any) -> list[rights.Further]:
        key = _key_of(resource) if action in _KEY_ACTIONS else None
        if not key:
            return []
        context = {
            "kms:ViaService": f"secretsmanager.{get_region()}.amazonaws.com",
            "kms:CallerAccount": get_account_id(),
            "kms:EncryptionContext:SecretARN": resource,
        }
        return [(needed, "kms", key, context) for needed in _KEY_ACTIONS[action]]

    rights.also(key_rights)


def _key_of(secret_arn: str) -> str | None:
    _, secret = secretsmanager._resolve(secret_arn)
    key = (secret or {}).get("KmsKeyId")
    if not key or key.startswith("alias/aws/"):
        return None
    return str(key) if key.startswith("arn:") else f"arn:aws:kms:{get_region()}:{get_account_id()}:key/{key}"


MENDS = [repeated_token, key_behind_a_secret]
