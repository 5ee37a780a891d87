"""The managed policies of AWS that the catalogue names exist."""

from typing import Any


def test_an_auditor_can_be_given_view_only_access(aws: Any) -> None:
    iam, arn = aws.client("iam"), "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
    auditor = aws.client("iam", **aws.user("auditor"))
    iam.attach_user_policy(UserName="auditor", PolicyArn=arn)
    assert iam.list_attached_user_policies(UserName="auditor")["AttachedPolicies"] == [
        {"PolicyName": "ViewOnlyAccess", "PolicyArn": arn}
    ]
    assert auditor.list_users()["Users"]
