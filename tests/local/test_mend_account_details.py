"""What IAM tells of all users at once."""

from typing import Any


def test_the_boundary_of_every_user_is_told(aws: Any) -> None:
    iam = aws.client("iam")
    boundary = iam.create_policy(
        PolicyName="told", PolicyDocument=aws.policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    )["Policy"]["Arn"]
    iam.create_user(UserName="bounded", PermissionsBoundary=boundary)
    iam.create_user(UserName="unbounded")
    told = iam.get_account_authorization_details(Filter=["User"])["UserDetailList"]
    boundaries = {user["UserName"]: user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") for user in told}
    assert (boundaries["bounded"], boundaries["unbounded"]) == (boundary, None)
