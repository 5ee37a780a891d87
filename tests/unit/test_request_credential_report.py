"""RequestCredentialReport has the report made, and says whether it is there."""

import pytest

from gatehouse.errors import Throttled
from tests.unit.account import Account


@pytest.mark.parametrize(("state", "ready"), [("STARTED", False), ("INPROGRESS", False), ("COMPLETE", True)])
def test_the_machine_waits_unless_the_report_is_there(aws: Account, state: str, ready: bool) -> None:
    aws.wire.answer("GenerateCredentialReport", {"State": state})
    assert aws.step("request_credential_report") == {"ready": ready}


def test_too_many_requests_for_a_report_are_waited_out(aws: Account) -> None:
    aws.wire.refuse("GenerateCredentialReport", "LimitExceeded", status=409)
    with pytest.raises(Throttled):
        aws.step("request_credential_report")
