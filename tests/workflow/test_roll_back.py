"""A roll-back removes what it finds, whoever put it there."""

import json
from typing import Any

from tests.workflow import evidence, faults, people


def test_a_user_with_everything_that_a_user_can_have_leaves_nothing(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "laden", "auditor", access=["console", "programmatic"])
    people.awaited(onboarding, "PENDING_MFA")
    iam, name = people.root(stack, "iam"), onboarding.user_name
    iam.create_access_key(UserName=name)
    iam.upload_signing_certificate(UserName=name, CertificateBody="-----BEGIN CERTIFICATE-----")
    iam.upload_ssh_public_key(UserName=name, SSHPublicKeyBody="ssh-rsa AAAAB3NzaC1yc2E")
    iam.create_service_specific_credential(UserName=name, ServiceName="codecommit.amazonaws.com")
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="by-hand", PolicyDocument=document)
    own = iam.create_policy(PolicyName=f"own-{name}", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=own)
    iam.create_group(GroupName=f"group-of-{name}")
    iam.add_user_to_group(UserName=name, GroupName=f"group-of-{name}")
    before = (evidence.policies(onboarding), evidence.groups(onboarding))
    assert before == (
        {"GatehouseEnd", "SecurityAudit", "ViewOnlyAccess", "by-hand", f"own-{name}"},
        {"gatehouse-users", f"group-of-{name}"},
    )

    # Two devices, of which the second one wakes the machine, and the completion fails.
    user = faults.user_arn(stack, name)
    with faults.denied(stack, "CompleteOnboarding", "iam:PutUserPermissionsBoundary", user):
        with faults.no_events_of(onboarding):
            people.enrol(onboarding)
        people.enrol_device(iam, name, f"spare-of-{name}")
        evidence.undone(onboarding, "FAILED", "ACCESS_DENIED")
    evidence.failed_with(onboarding, "Failed", "ACCESS_DENIED")
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 0
    assert iam.get_group(GroupName=f"group-of-{name}")["Users"] == []
