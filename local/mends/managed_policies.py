"""Managed policies of AWS that the catalogue grants and the emulator lacks."""

import json

from ministack.services import iam

# Of the several hundred that it has on AWS: what shows that there is no data among them.
_VIEW_ONLY = [
    "cloudformation:ListStacks", "dynamodb:ListTables", "ec2:Describe*", "iam:List*", "lambda:List*",
    "s3:ListAllMyBuckets", "sqs:ListQueues",
]  # fmt: skip


def view_only_access() -> None:
    """job-function/ViewOnlyAccess; the emulator takes it for a policy that does not exist."""
    statement = {"Sid": "ViewOnly", "Effect": "Allow", "Action": _VIEW_ONLY, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    name = "job-function/ViewOnlyAccess"
    record = iam._make_aws_managed_record(name, document, "Grants permissions to view resources and basic metadata.")
    iam._aws_managed_policies[f"{iam._AWS_MANAGED_POLICY_PREFIX}{name}"] = record


MENDS = [view_only_access]
