"""The account's password policy: what it lacks, and the one that lacks nothing and is weaker in nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

Policy = Mapping[str, Any]
"""As GetAccountPasswordPolicy answers it."""

CLASSES = {
    "uppercase": "RequireUppercaseCharacters",
    "lowercase": "RequireLowercaseCharacters",
    "numbers": "RequireNumbers",
    "symbols": "RequireSymbols",
}

WITHOUT_POLICY: Policy = {"MinimumPasswordLength": 8}
"""What holds where no policy is set, besides three of the four classes, whichever: no policy can say that."""

_CLASSES_WITHOUT_POLICY = 3


@dataclass(frozen=True)
class Wanted:
    """What the stack's parameters demand. 0 days: passwords need not expire; 0 passwords: any may be used again."""

    minimum_length: int
    classes: tuple[str, ...]
    max_age_days: int
    reuse_prevention: int

    @classmethod
    def of(cls, minimum_length: int, required_characters: str, max_age_days: int, reuse_prevention: int) -> Self:
        """`required_characters` are names of `CLASSES`, separated by commas. Raises ValueError for another name."""
        classes = tuple(name.strip() for name in required_characters.split(",") if name.strip())
        if unknown := set(classes) - set(CLASSES):
            raise ValueError(f"{sorted(unknown)} are no classes of characters: choose from {sorted(CLASSES)}")
        return cls(minimum_length, classes, max_age_days, reuse_prevention)


def standing(iam: Any) -> Policy | None:
    """The policy that is set, None where none is."""
    try:
        policy: Policy = iam.get_account_password_policy()["PasswordPolicy"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return policy


def shortcomings(stands: Policy | None, wanted: Wanted) -> list[str]:
    """What the standing policy lacks, in words."""
    return list(_shortcomings(stands or WITHOUT_POLICY, wanted))


def _shortcomings(stands: Policy, wanted: Wanted) -> Iterator[str]:
    length, age, remembered = _length(stands), _age(stands), _remembered(stands)
    if length < wanted.minimum_length:
        yield f"{length} characters suffice where {wanted.minimum_length} are wanted"
    yield from (f"{name} are not required" for name in wanted.classes if not stands.get(CLASSES[name]))
    if not stands.get("AllowUsersToChangePassword"):
        yield "users may not change their own password"
    if wanted.max_age_days and not 0 < age <= wanted.max_age_days:
        expiry = f"expire after {age} days" if age else "never expire"
        yield f"passwords {expiry}, {wanted.max_age_days} days are wanted"
    if remembered < wanted.reuse_prevention:
        yield f"the last {remembered} passwords may not be used again, wanted are {wanted.reuse_prevention}"


def strengthened(stands: Policy | None, wanted: Wanted) -> dict[str, Any]:
    """The parameters of UpdateAccountPasswordPolicy, which replaces the whole policy: the stronger of both everywhere.

    Passwords that expire hard lock out whoever is late, so that is never set. Where it stands already, the age is
    left as it is: a shorter one would lock out, at once, everybody whose password is older. Where no policy stands and
    fewer classes of characters are wanted than AWS then demands, all four are set.
    """
    policy = stands or WITHOUT_POLICY
    age = _age(policy)
    hard = bool(policy.get("HardExpiry")) and age > 0
    if not hard and wanted.max_age_days:
        age = min(age or wanted.max_age_days, wanted.max_age_days)
    is_weaker = stands is None and len(set(wanted.classes)) < _CLASSES_WITHOUT_POLICY
    classes = CLASSES if is_weaker else wanted.classes
    remembered = max(_remembered(policy), wanted.reuse_prevention)
    return {
        "MinimumPasswordLength": max(_length(policy), wanted.minimum_length),
        **{CLASSES[name]: bool(policy.get(CLASSES[name])) or name in classes for name in CLASSES},
        "AllowUsersToChangePassword": True,
        "HardExpiry": hard,
        # Without them nothing expires, and any password may be used again.
        **({"MaxPasswordAge": age} if age else {}),
        **({"PasswordReusePrevention": remembered} if remembered else {}),
    }


def enforce(iam: Any, wanted: Wanted) -> Policy:
    """Strengthen the account's policy unless it lacks nothing, and return what is set now."""
    stands = standing(iam)
    if stands is not None and not shortcomings(stands, wanted):
        return stands
    stronger = strengthened(stands, wanted)
    iam.update_account_password_policy(**stronger)
    return stronger


def _length(policy: Policy) -> int:
    return int(policy.get("MinimumPasswordLength") or 0)


def _age(policy: Policy) -> int:
    return int(policy.get("MaxPasswordAge") or 0)


def _remembered(policy: Policy) -> int:
    return int(policy.get("PasswordReusePrevention") or 0)
