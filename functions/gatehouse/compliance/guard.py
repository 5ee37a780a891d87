"""The permissions boundaries by which a user is under Gatehouse's guard, and the policies that restrict and suspend."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gatehouse import catalogue, iam_users
from gatehouse.compliance.model import User


@dataclass(frozen=True)
class Guard:
    """ARNs. `enrolling` and `members` are the boundaries of people before and after MFA, `applications` of programs.

    `restricted` and `suspended` are the policies that a sweep attaches.
    """

    enrolling: frozenset[str]
    members: frozenset[str]
    applications: frozenset[str]
    restricted: str
    suspended: str

    @classmethod
    def of(cls, boundary_prefix: str) -> Self:
        """The guard of the stack whose managed policies' ARNs begin with `boundary_prefix`."""

        def boundaries(kind: str, phase: str) -> frozenset[str]:
            pairs = [catalogue.boundaries()[name] for name in _pairs(kind)]
            return frozenset(f"{boundary_prefix}boundary-{pair[phase]}" for pair in pairs)

        return cls(
            enrolling=boundaries("person", "enrolling"),
            members=boundaries("person", "member"),
            applications=boundaries("application", "member"),
            restricted=f"{boundary_prefix}restricted",
            suspended=f"{boundary_prefix}suspended",
        )

    def holds(self, user: User) -> bool:
        """Whether the user's boundary is one of those for users of its kind."""
        return user.boundary in (self.applications if is_application(user) else self.enrolling | self.members)

    def holds_back(self, user: User) -> bool:
        """Whether the user can do no more than enrol, if that."""
        return user.boundary in self.enrolling or bool({self.restricted, self.suspended} & set(user.policies))


def is_ours(user: User) -> bool:
    return user.path.startswith(iam_users.PATH)


def is_application(user: User) -> bool:
    return user.path.startswith(iam_users.APPLICATIONS_PATH)


def _pairs(kind: str) -> set[str]:
    """The names of the pairs that profiles of this kind may have."""
    profiles: list[Mapping[str, Any]] = [one for one in catalogue.profiles().values() if kind in one["kinds"]]
    return {pair for profile in profiles for pair in (profile["boundary"], *profile["may_add"]["boundaries"])}
