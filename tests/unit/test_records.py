"""How records are moved on."""

from dataclasses import asdict
from typing import Any

import pytest

from gatehouse import records
from gatehouse.errors import RecordClosed
from gatehouse.model import ANY, Status
from tests.unit.account import ONBOARDING_ID, Account, make_record

RECORD = make_record(Status.PENDING_MFA, profile="power-user")
FIELDS = [(part, name) for part in ("request", "grants") for name in asdict(RECORD)[part]]


def other(value: Any) -> Any:
    """A value of the same kind that is another one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, list | tuple):
        return [*value, "x"]
    return value | {"x": "x"} if isinstance(value, dict) else f"{value or ''}x"


@pytest.mark.parametrize(("part", "name"), FIELDS, ids=".".join)
def test_a_record_that_was_changed_after_it_was_written_goes_no_further(aws: Account, part: str, name: str) -> None:
    written = asdict(aws.write(RECORD))
    assert records.advance(aws.table, ONBOARDING_ID, "x", within=ANY).digest == RECORD.digest
    aws.table.update(records.key(ONBOARDING_ID), sets={f"{part}.{name}": other(written[part][name])})
    with pytest.raises(RecordClosed, match=r"^digest: the record was changed after it was written$"):
        records.advance(aws.table, ONBOARDING_ID, "x", within=ANY)


STEPS_AFTER_CREATE_USER = {
    "issue_password": Status.PROVISIONING,
    "attach_policies": Status.PROVISIONING,
    "send_sign_in_instructions": Status.PROVISIONING,
    "await_mfa": Status.PROVISIONING,
    "complete_onboarding": Status.PENDING_MFA,
}


@pytest.mark.parametrize("step", STEPS_AFTER_CREATE_USER)
def test_no_step_acts_on_a_record_that_was_changed_behind_create_user(aws: Account, step: str) -> None:
    aws.steps("create_user")
    aws.enrol()
    aws.change(status=STEPS_AFTER_CREATE_USER[step])
    policies = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    aws.table.update(records.key(ONBOARDING_ID), sets={"grants.managed_policies": policies})
    with pytest.raises(RecordClosed):
        aws.step(step)
    assert aws.iam.list_attached_user_policies(UserName=RECORD.user_name)["AttachedPolicies"] == []
    assert aws.secret() is None
    assert aws.mails() == []
