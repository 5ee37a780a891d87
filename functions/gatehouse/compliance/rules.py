"""What is checked: what each kind of finding means, how grave it is, and how it is cured."""

from collections.abc import Mapping
from dataclasses import dataclass

from gatehouse.compliance.model import Kind, Mode


@dataclass(frozen=True)
class Rule:
    """`severity` is one of Security Hub's (critical, high, medium, low), `cis` maps a version of the CIS AWS
    Foundations Benchmark to the number of the recommendation that the finding breaks, `cure` is what to do.

    `ladder` are the actions that may follow by themselves; each is opt-in (parameter ComplianceMode).
    """

    title: str
    severity: str
    cis: Mapping[str, str]
    cure: str
    ladder: tuple[Mode, ...] = ()


def _cis(number: int) -> dict[str, str]:
    """The recommendation's number in 1.4.0 and 3.0.0; 5.0.0 has dropped one before all of these.

    https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html
    """
    return {"1.4.0": f"1.{number}", "3.0.0": f"1.{number}", "5.0.0": f"1.{number - 1}"}


RULES: Mapping[Kind, Rule] = {
    Kind.ROOT_ACCESS_KEY: Rule(
        "The root user has an access key",
        "critical",
        _cis(4),
        "Sign in as the root user and delete its access keys; give what used them a role.",
    ),
    Kind.ROOT_WITHOUT_MFA: Rule(
        "The root user has no MFA",
        "critical",
        _cis(5),
        "Sign in as the root user and enrol two devices, one of them a security key kept in a safe.",
    ),
    Kind.ROOT_USED: Rule(
        "The root user was used lately",
        "high",
        _cis(7),
        "Find out who used it and for what (CloudTrail, userIdentity.type Root), and give them a user or a role.",
    ),
    Kind.CONSOLE_WITHOUT_MFA: Rule(
        "A user with a console password has no MFA",
        "high",
        _cis(10),
        "Have the user enrol a device, or delete the login profile of who does not use the console.",
        (Mode.REMIND, Mode.RESTRICT, Mode.SUSPEND),
    ),
    Kind.GUARD_MISSING: Rule(
        "A user of Gatehouse is not under the guard that is its",
        "high",
        {},
        "Find out who changed the boundary (CloudTrail, PutUserPermissionsBoundary) and put it back, or reset the MFA.",
    ),
    Kind.KEY_WITHOUT_GUARD: Rule(
        "An active access key works without MFA",
        "high",
        {},
        "Delete the key and bring its user in through Gatehouse, or attach the boundary of Gatehouse's members.",
    ),
    Kind.PHISHABLE_MFA: Rule(
        "A user's MFA can be phished, and the profile demands one that cannot",
        "medium",
        {},
        "Have the user enrol a security key or a passkey.",
        (Mode.REMIND,),
    ),
    Kind.PASSWORD_POLICY_WEAK: Rule(
        "The account's password policy is weaker than demanded",
        "medium",
        _cis(8),
        "Strengthen the policy in IAM's account settings, or let the stack do it.",
    ),
    Kind.KEY_TOO_OLD: Rule(
        "An access key is too old",
        "medium",
        _cis(14),
        "Make a new key, change over, set the old one inactive, and delete it.",
    ),
    Kind.KEY_UNUSED: Rule(
        "An active access key is not used",
        "medium",
        _cis(12),
        "Set the key inactive, and delete it when nobody has missed it.",
    ),
    Kind.PASSWORD_UNUSED: Rule(
        "A console password is not used",
        "medium",
        _cis(12),
        "Delete the login profile, or the user.",
    ),
    Kind.LOGIN_NEVER_USED: Rule(
        "A console password was never used",
        "medium",
        _cis(12),
        "Ask its owner whether the invitation arrived; delete the login profile, or the user.",
    ),
    Kind.PASSWORD_TOO_OLD: Rule(
        "A console password is too old",
        "low",
        {},
        "Have the user change it; a password policy with an age does so by itself.",
    ),
    Kind.ONBOARDING_STUCK: Rule(
        "An onboarding is open for too long",
        "medium",
        {},
        "Look at its timeline (GET /onboardings/{id}): remind who it waits for, or cancel it.",
    ),
    Kind.OUTSIDE_GATEHOUSE: Rule(
        "A user was not made by Gatehouse",
        "low",
        {},
        "Bring the person or program in through Gatehouse and delete this user, or exempt it with an owner and an end.",
    ),
    Kind.EXEMPTION_EXPIRED: Rule(
        "An exemption is over, or incomplete",
        "low",
        {},
        "Renew the tags gatehouse:exempt-owner, -reason and -until, or remove them.",
    ),
    Kind.UNASSIGNED_DEVICE: Rule(
        "An MFA device belongs to nobody",
        "low",
        {},
        "Delete the device: a set-up that was not finished left it, and its name blocks the next one.",
    ),
}
