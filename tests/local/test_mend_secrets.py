"""Secrets Manager behaves as on AWS."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

TOKEN = "0123456789abcdef0123456789abcdef"


def test_a_known_token_takes_the_same_value_again_and_no_other(aws: Any) -> None:
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="tokened")
    secrets.put_secret_value(SecretId="tokened", ClientRequestToken=TOKEN, SecretString="one")
    secrets.put_secret_value(SecretId="tokened", ClientRequestToken=TOKEN, SecretString="one")
    with pytest.raises(secrets.exceptions.ResourceExistsException):
        secrets.put_secret_value(SecretId="tokened", ClientRequestToken=TOKEN, SecretString="two")
    assert secrets.get_secret_value(SecretId="tokened")["SecretString"] == "one"


def test_a_secret_under_a_key_of_ones_own_is_read_with_that_key_only(aws: Any) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    aws.client("secretsmanager").create_secret(Name="keyed", KmsKeyId=key, SecretString="s")
    read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    via = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key, "Condition": via}
    aws.client("secretsmanager", **aws.user("with-key", read, decrypt)).get_secret_value(SecretId="keyed")
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("secretsmanager", **aws.user("without-key", read)).get_secret_value(SecretId="keyed")


def test_a_secret_under_a_key_of_ones_own_is_written_with_that_key_only(aws: Any) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    aws.client("secretsmanager").create_secret(Name="written", KmsKeyId=key)
    write = {"Effect": "Allow", "Action": "secretsmanager:PutSecretValue", "Resource": "*"}
    encrypt = {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key}
    value = {"SecretId": "written", "SecretString": "s"}
    aws.client("secretsmanager", **aws.user("writer-with-key", write, encrypt)).put_secret_value(**value)
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("secretsmanager", **aws.user("writer-without-key", write)).put_secret_value(**value)
