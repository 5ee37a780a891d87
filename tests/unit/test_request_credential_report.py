"""RequestCredentialReport has the report made, and says whether it is there."""

import pytest

from tests.unit.account import Account


@pytest.mark.parametrize(("state", "ready"), [("STARTED", False), ("INPROGRESS", False), ("COMPLETE", True)])
def test_the_machine_waits_unless_the_report_is_there(aws: Account, state: str, ready: bool) -> None:
    aws.wire.answer("GenerateCredentialReport", {"State": state})
    assert aws.step("request_credential_report") == {"ready": ready}
