"""A sweep's findings for Security Hub, in the AWS Security Finding Format.

A finding keeps its id from one sweep to the next, so that importing it again changes it. What is resolved is archived,
and so is what somebody is exempt from: importing cannot change a finding's workflow once it is there.
https://docs.aws.amazon.com/securityhub/latest/userguide/asff-required-attributes.html
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from gatehouse.compliance import overview
from gatehouse.compliance.model import ACCOUNT, ROOT, Finding, Sweep
from gatehouse.compliance.rules import RULES
from gatehouse.errors import AwsCallFailed
from gatehouse.logs import logger

LARGEST_BATCH = 100
"""Findings of one call: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html"""

_LONGEST_DESCRIPTION = 1024
_LONGEST_ADVICE = 512


def findings(sweep: Sweep, product_arn: str) -> Iterator[dict[str, Any]]:
    """Every finding of the sweep, and what it resolved; `product_arn` is the account's own product."""
    gone = {finding.key for finding in sweep.findings}
    for finding in sweep.findings:
        yield _finding(finding, sweep, product_arn, resolved=False)
    for finding in sweep.resolved:
        if finding.key not in gone:
            yield _finding(finding, sweep, product_arn, resolved=True)


def send(securityhub: Any, sweep: Sweep, product_arn: str) -> None:
    """Import all findings; importing one again changes nothing.

    What Security Hub refuses keeps nothing else from being imported: it is logged, and AwsCallFailed raised at the end.
    """
    waiting, refused, sent = findings(sweep, product_arn), Counter[str](), 0
    while batch := list(islice(waiting, LARGEST_BATCH)):
        sent += len(batch)
        for one in securityhub.batch_import_findings(Findings=batch).get("FailedFindings", ()):
            refused[one["ErrorCode"]] += 1
            logger().warning("finding not imported", finding=one["Id"], error=one["ErrorCode"])
    if refused:
        codes = ", ".join(sorted(refused))
        raise AwsCallFailed(f"BatchImportFindings: {refused.total()} of {sent} findings refused: {codes}")


def _finding(finding: Finding, sweep: Sweep, product_arn: str, *, resolved: bool) -> dict[str, Any]:
    rule = RULES[finding.kind]
    requirements = [f"CIS AWS Foundations Benchmark v{version}/{number}" for version, number in rule.cis.items()]
    owner = {"gatehouse/owner": finding.owner} if finding.owner else {}
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"gatehouse/{sweep.account_id}/{finding.key}",
        "ProductArn": product_arn,
        "GeneratorId": f"gatehouse/{finding.kind}",
        "AwsAccountId": sweep.account_id,
        "CreatedAt": finding.since,
        "UpdatedAt": sweep.at,
        "Title": rule.title,
        "Description": _description(finding),
        "Remediation": {"Recommendation": {"Text": rule.cure[:_LONGEST_ADVICE]}},
        "ProductFields": {"gatehouse/sweep": sweep.sweep_id, **owner},
        "Resources": [_resource(finding, sweep, product_arn.split(":")[1])],
        "Compliance": {
            "Status": "PASSED" if resolved else "FAILED",
            **({"RelatedRequirements": requirements} if requirements else {}),
        },
        "RecordState": "ARCHIVED" if resolved or finding.exemption else "ACTIVE",
        # Severity and Types belong to Security Hub's users: a provider says them here.
        "FindingProviderFields": {
            "Severity": {"Label": rule.severity.upper(), "Original": rule.severity},
            "Types": [f"Software and Configuration Checks/{_type(requirements)}"],
        },
    }


def _type(requirements: Sequence[str]) -> str:
    if requirements:
        return "Industry and Regulatory Standards/CIS AWS Foundations Benchmark"
    return "AWS Security Best Practices"


def _description(finding: Finding) -> str:
    told = f"{overview.subject(finding)}: {finding.reason}"
    if finding.exemption:
        told += f" Exempt until {finding.exemption.until} by {finding.exemption.owner}: {finding.exemption.reason}"
    return told[:_LONGEST_DESCRIPTION]


def _resource(finding: Finding, sweep: Sweep, partition: str) -> dict[str, Any]:
    """What the finding is about, as Security Hub itself names it."""
    if finding.subject in (ROOT, ACCOUNT):
        return {"Type": "AwsAccount", "Id": f"AWS::::Account:{sweep.account_id}", "Partition": partition}
    if ":user/" in finding.arn:
        details = {"AwsIamUser": {"UserName": finding.subject}}
        return {"Type": "AwsIamUser", "Id": finding.arn, "Partition": partition, "Details": details}
    return {"Type": "Other", "Id": finding.arn or finding.subject, "Partition": partition}
