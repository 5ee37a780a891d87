"""PublishReport: files, numbers and one mail for each sweep, whatever happens to a try."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gatehouse import times
from gatehouse.compliance import measures, sweeps
from gatehouse.compliance.model import Acted, Mode, Sweep
from gatehouse.errors import AwsCallFailed, NotYetConsistent, TransientFault
from local import sample_sweep
from tests.unit.account import Account, event, own_client

STEP = "publish_report"
BUCKET = "gatehouse-compliance"
SWEEP = replace(sample_sweep.made_up(30), acted=())
FOLDER = f"sweeps/2026/11/22/{SWEEP.sweep_id}"
TO_OPERATORS = ["olga@example.com", "otto@example.com"]


@pytest.fixture
def swept(aws: Account) -> Account:
    """A sweep that found something, before it is published."""
    own_client("s3").create_bucket(Bucket=BUCKET)
    sweeps.save(own_client("s3"), BUCKET, SWEEP)
    return aws


def text(key: str) -> str:
    return str(own_client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())


def latest() -> Sweep:
    return sweeps.load(own_client("s3"), BUCKET, sweeps.LATEST)


def import_findings(aws: Account) -> None:
    aws.values |= {"SecurityHub": "true"}


def published(lines: str) -> dict[str, Any]:
    """The metrics in what a function printed, by name, and by value where there is another dimension."""
    documents = [json.loads(line) for line in lines.splitlines() if '"_aws"' in line]
    found = {}
    for document in documents:
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        ((*_, metric),) = [directive["Metrics"]]
        others = [document[name] for name in directive["Dimensions"][0] if name != "service"]
        assert (directive["Namespace"], document["service"]) == ("Gatehouse", "gatehouse")
        found["".join(others) or metric["Name"]] = document[metric["Name"]][0]
    return found


def test_findings_table_and_page_lie_beside_each_other_with_what_was_done(swept: Account) -> None:
    answer = swept.step(STEP)
    assert answer == {"sweep_id": SWEEP.sweep_id, "report_key": f"{FOLDER}/report.html"}
    acted = (Acted("bob.contractor", Mode.REMIND, "done", "no MFA device for 8 days"),)
    expected = json.loads(sweeps.to_json(replace(SWEEP, acted=acted)))
    assert json.loads(text(f"{FOLDER}/findings.json")) == json.loads(text("latest.json")) == expected
    assert "bob.contractor" in text(f"{FOLDER}/report.html")
    assert text(f"{FOLDER}/report.csv").count("\r\n") == len(SWEEP.findings) + 1
    page = own_client("s3").head_object(Bucket=BUCKET, Key=f"{FOLDER}/report.html")
    assert page["ContentType"] == "text/html; charset=utf-8"


def test_the_next_sweep_goes_on_from_this_one_only_when_its_files_are_there(swept: Account) -> None:
    swept.step(STEP)
    assert [call["Key"] for call in swept.wire.made("PutObject")][-1] == "latest.json"


def test_of_two_sweeps_at_once_the_next_one_goes_on_from_that_which_began_later(swept: Account) -> None:
    later = replace(SWEEP, sweep_id="later", at=times.after(SWEEP.at, 1))
    sweeps.save_latest(own_client("s3"), BUCKET, later)
    swept.step(STEP)
    assert latest() == later
    assert json.loads(text(f"{FOLDER}/findings.json"))["sweep_id"] == SWEEP.sweep_id


def test_the_operators_are_told_where_the_report_is(swept: Account) -> None:
    swept.step(STEP)
    (mail,) = swept.mails()
    assert mail["to"] == TO_OPERATORS
    assert (
        f"https://us-east-1.console.aws.amazon.com/s3/object/{BUCKET}?region=us-east-1&prefix={FOLDER}" in mail["text"]
    )
    assert "X-Amz-" not in mail["text"] + mail["html"]


def test_a_retry_writes_the_same_and_mails_nobody_twice(swept: Account) -> None:
    swept.step(STEP)
    before = text(f"{FOLDER}/report.html")
    swept.step(STEP)
    assert text(f"{FOLDER}/report.html") == before
    assert len(swept.mails()) == 1


def test_a_mail_that_was_refused_is_sent_by_the_retry(swept: Account) -> None:
    swept.wire.refuse("SendEmail", "Throttling")
    with pytest.raises(TransientFault):
        swept.step(STEP)
    assert latest().sweep_id == SWEEP.sweep_id
    swept.step(STEP)
    assert len(swept.mails()) == 2


def test_a_mail_that_ses_refuses_for_good_keeps_nothing_from_being_published(
    swept: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    """In SES's sandbox that is every mail to an address that nobody has verified."""
    import_findings(swept)
    swept.wire.answer("BatchImportFindings", {"FailedCount": 0, "SuccessCount": 1, "FailedFindings": []})
    swept.wire.refuse("SendEmail", "MessageRejected")
    assert swept.step(STEP)["report_key"] == f"{FOLDER}/report.html"
    assert latest().sweep_id == SWEEP.sweep_id
    assert len(swept.wire.made("BatchImportFindings")) == 1
    assert published(capsys.readouterr().out)["SummariesNotMailed"] == 1


def test_while_another_try_may_be_sending_a_retry_waits_and_then_takes_over(swept: Account) -> None:
    """Its function ended between the two writes: nobody knows whether the mail is out."""
    swept.wire.end("SendEmail", 1, KeyboardInterrupt(), after=False)
    with pytest.raises(KeyboardInterrupt):
        swept.step(STEP)
    with pytest.raises(NotYetConsistent):
        swept.step(STEP)
    swept.clock.advance(31)
    swept.step(STEP)
    swept.step(STEP)
    assert len(swept.mails()) == 2


def test_a_mail_that_is_out_and_cannot_be_noted_is_no_failure(swept: Account) -> None:
    swept.wire.first("UpdateItem", lambda: swept.wire.refuse("UpdateItem", "InternalServerError", times=4, status=500))
    swept.step(STEP)
    assert len(swept.mails()) == 1


def test_where_no_operator_has_an_address_nobody_is_mailed(swept: Account) -> None:
    swept.values |= {"Operators": "olga"}
    swept.step(STEP)
    assert swept.mails() == []
    assert swept.wire.made("UpdateItem") == []


def test_every_number_becomes_a_metric_of_the_stack(swept: Account, capsys: pytest.CaptureFixture[str]) -> None:
    swept.step(STEP)
    acted = (Acted("bob.contractor", Mode.REMIND, "done", ""),)
    told = measures.of(replace(SWEEP, acted=acted))
    expected = {one.dimension[1] if one.dimension else one.name: one.value for one in told}
    assert published(capsys.readouterr().out) == expected


def test_a_mail_that_waits_for_a_retry_keeps_nothing_from_security_hub(swept: Account) -> None:
    import_findings(swept)
    swept.wire.answer("BatchImportFindings", {"FailedCount": 0, "SuccessCount": 1, "FailedFindings": []})
    swept.wire.refuse("SendEmail", "Throttling", times=9)
    with pytest.raises(TransientFault):
        swept.step(STEP)
    assert len(swept.wire.made("BatchImportFindings")) == 1


def test_security_hub_is_asked_only_where_it_is_wanted(swept: Account) -> None:
    swept.wire.answer("BatchImportFindings", {"FailedCount": 0, "SuccessCount": 1, "FailedFindings": []})
    swept.step(STEP)
    assert swept.wire.made("BatchImportFindings") == []
    import_findings(swept)
    swept.step(STEP)
    (batch,) = swept.wire.made("BatchImportFindings")
    assert len(batch["Findings"]) == len(SWEEP.findings)
    assert {one["ProductArn"] for one in batch["Findings"]} == {
        "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default"
    }


def test_what_security_hub_refuses_fails_the_sweep_after_everything_else_is_published(swept: Account) -> None:
    import_findings(swept)
    refused = [{"Id": "x", "ErrorCode": "InvalidInput", "ErrorMessage": "no"}]
    swept.wire.answer("BatchImportFindings", {"FailedCount": 1, "SuccessCount": 0, "FailedFindings": refused})
    with pytest.raises(AwsCallFailed, match="1 of"):
        swept.step(STEP)
    assert latest().acted
    assert len(swept.mails()) == 1


def test_the_sample_event_is_of_this_sweep() -> None:
    assert event(STEP)["findings_key"] == sweeps.findings_key(SWEEP.sweep_id, SWEEP.at)
