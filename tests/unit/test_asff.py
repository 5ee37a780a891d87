"""What Security Hub is sent is of its format, the same from sweep to sweep, and archived once it is over."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from gatehouse.compliance import asff
from gatehouse.compliance.model import Exemption, Finding, Kind, Sweep
from gatehouse.compliance.rules import RULES
from gatehouse.errors import AwsCallFailed
from local import sample_sweep

PRODUCT = "arn:aws:securityhub:eu-central-1:123456789012:product/123456789012/default"
SWEEP = sample_sweep.made_up(400)
ALICE = Finding(Kind.CONSOLE_WITHOUT_MFA, "alice", "arn:aws:iam::123456789012:user/alice", "no device", SWEEP.at)
EXEMPT = Exemption("olga", "break-glass", "2027-01-31")
THE_ACCOUNT = "AWS::::Account:123456789012"
LONGEST = {"Title": 256, "Description": 1024, "Id": 512, "GeneratorId": 512}


class SecurityHub:
    """Takes what it is sent, and refuses the findings of these users."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.batches: list[list[dict[str, Any]]] = []

    def batch_import_findings(self, *, Findings: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - the SDK's name
        self.batches.append(Findings)
        failed = [one["Id"] for one in Findings if one["Id"].endswith(self.refused)] if self.refused else []
        return {"FailedFindings": [{"Id": one, "ErrorCode": "InvalidInput", "ErrorMessage": "no"} for one in failed]}


def of(*findings: Finding, resolved: tuple[Finding, ...] = ()) -> list[dict[str, Any]]:
    return list(asff.findings(replace(SWEEP, findings=findings, resolved=resolved), PRODUCT))


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    else:
        yield value


def test_every_finding_is_as_the_service_s_model_wants_it() -> None:
    model = botocore.session.get_session().get_service_model("securityhub")
    shape = model.operation_model("BatchImportFindings").input_shape
    every_kind = tuple(replace(ALICE, kind=kind, owner="olga") for kind in Kind)
    device = replace(ALICE, kind=Kind.UNASSIGNED_DEVICE, subject="arn:aws:iam::123456789012:mfa/phone", arn="")
    sent = of(*SWEEP.findings, *every_kind, device, replace(ALICE, reason="x" * 3000, exemption=EXEMPT))
    assert ParamValidator().validate({"Findings": sent}, shape).generate_report() == ""
    for one in sent:
        # The model says of most texts only that they are not blank.
        assert [text for text in strings(one) if not text.strip()] == []
        assert {name: limit for name, limit in LONGEST.items() if len(one[name]) > limit} == {}
        assert len(json.dumps(one)) < 240_000


def test_a_severity_is_one_that_security_hub_knows() -> None:
    assert {rule.severity.upper() for rule in RULES.values()} <= {"CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"}


def test_a_finding_keeps_its_id_and_its_beginning_and_says_when_it_was_seen_last() -> None:
    (first,) = of(ALICE)
    later = replace(SWEEP, at="2026-11-23T06:00:00.000000Z", sweep_id="another", findings=(ALICE,), resolved=())
    (second,) = asff.findings(later, PRODUCT)
    assert (second["Id"], second["CreatedAt"]) == (first["Id"], first["CreatedAt"])
    assert second["UpdatedAt"] > first["UpdatedAt"]


def test_no_two_findings_have_the_same_id() -> None:
    ids = [one["Id"] for one in asff.findings(replace(SWEEP, resolved=()), PRODUCT)]
    assert len(ids) == len(set(ids)) == len({finding.key for finding in SWEEP.findings})


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (of(ALICE), ("ACTIVE", "FAILED")),
        (of(replace(ALICE, exemption=EXEMPT)), ("ARCHIVED", "FAILED")),
        (of(resolved=(ALICE,)), ("ARCHIVED", "PASSED")),
    ],
    ids=["open", "exempt", "resolved"],
)
def test_what_is_over_is_archived(sent: list[dict[str, Any]], state: tuple[str, str]) -> None:
    (one,) = sent
    assert (one["RecordState"], one["Compliance"]["Status"]) == state


def test_what_belongs_to_those_who_look_into_it_is_left_to_them() -> None:
    (one,) = of(ALICE)
    assert not {"Workflow", "Note", "UserDefinedFields", "VerificationState", "Severity", "Types"} & set(one)


@pytest.mark.parametrize(
    ("kind", "subject", "arn", "expected"),
    [
        (Kind.KEY_UNUSED, "alice", ALICE.arn, ("AwsIamUser", ALICE.arn)),
        (Kind.ROOT_USED, "<root_account>", "arn:aws:iam::123456789012:root", ("AwsAccount", THE_ACCOUNT)),
        (
            Kind.CONSOLE_WITHOUT_MFA,
            "account",
            "arn:aws:iam::123456789012:user/account",
            ("AwsIamUser", "arn:aws:iam::123456789012:user/account"),
        ),
        (Kind.PASSWORD_POLICY_WEAK, "<account>", "", ("AwsAccount", THE_ACCOUNT)),
        (Kind.UNASSIGNED_DEVICE, "arn:aws:iam::123456789012:mfa/x", "", ("Other", "arn:aws:iam::123456789012:mfa/x")),
    ],
)  # fmt: skip
def test_a_finding_is_about_what_security_hub_knows_by_that_name(
    kind: Kind, subject: str, arn: str, expected: tuple[str, str]
) -> None:
    ((resource,),) = [one["Resources"] for one in of(replace(ALICE, kind=kind, subject=subject, arn=arn))]
    assert (resource["Type"], resource["Id"]) == expected


def many(number: int) -> Sweep:
    findings = tuple(replace(ALICE, subject=f"user{one}") for one in range(number))
    return replace(SWEEP, findings=findings, resolved=())


def test_findings_are_sent_a_hundred_at_a_time() -> None:
    hub = SecurityHub()
    asff.send(hub, many(201), PRODUCT)
    assert [len(batch) for batch in hub.batches] == [100, 100, 1]


def test_what_is_refused_is_logged_and_told_and_keeps_nothing_else_from_being_sent(
    log: io.StringIO,
) -> None:
    hub = SecurityHub("user7")
    with pytest.raises(AwsCallFailed, match="1 of 201 findings refused: InvalidInput"):
        asff.send(hub, many(201), PRODUCT)
    assert sum(map(len, hub.batches)) == 201
    assert "console-without-mfa#user7" in log.getvalue()
