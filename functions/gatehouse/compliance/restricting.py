"""Restrict and suspend a user, and put back exactly what stood before. Every function ensures: twice equals once.

Who calls holds the user's case. What stands is written into it before anything is changed, and what is to be put back
before anything is: whoever goes on after a crash knows which of the two it was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gatehouse import catalogue, times
from gatehouse.compliance import cases
from gatehouse.compliance.cases import Case, Restriction, Suspension
from gatehouse.compliance.live import Live
from gatehouse.table import Table

MOST_POLICIES = 10
"""Managed policies that a user may have. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

LOOK_SECONDS = {"restriction": 900, "suspension": times.DAY}
"""How often somebody is looked at: who is restricted may have enrolled without an event, a suspension ends by hand."""


class ChangedMeanwhile(Exception):
    """The user is not as it was left: what stood before is not put over what somebody else has done."""


class NoRoom(Exception):
    """The user has as many managed policies as AWS allows, or one of ours from somebody else: nothing is done."""


@dataclass(frozen=True)
class Policies:
    """The stack's: two managed policies by ARN, and the enrolling boundary of each member's one."""

    restricted: str
    suspended: str
    enrolling: Mapping[str, str]

    @classmethod
    def of(cls, boundary_prefix: str) -> "Policies":
        """`boundary_prefix` is what the ARNs of the stack's boundaries and policies begin with."""
        # The pair of applications knows no MFA: its halves are the same.
        pairs = [pair for pair in catalogue.boundaries().values() if pair["member"] != pair["enrolling"]]
        return cls(
            restricted=f"{boundary_prefix}restricted",
            suspended=f"{boundary_prefix}suspended",
            enrolling={
                f"{boundary_prefix}boundary-{pair['member']}": f"{boundary_prefix}boundary-{pair['enrolling']}"
                for pair in pairs
            },
        )

    @property
    def account_id(self) -> str:
        return self.restricted.split(":")[4]


def ensure_restricted(iam: Any, table: Table, case: Case, live: Live, policies: Policies) -> Case:
    """From now on the user may only enrol. Raises NoRoom, ChangedMeanwhile.

    The boundary of our people goes back to the enrolling one; whoever is under another boundary, or none, keeps that
    and gets a policy of the same effect.
    """
    if case.restriction is None:
        boundary = live.boundary if live.is_our_person and live.boundary in policies.enrolling else None
        if boundary is None:
            _require_room(iam, live.user_name, policies.restricted)
        case = _write_down(table, case, "restriction", Restriction(times.now(), boundary))
    assert case.restriction is not None
    if case.restriction.boundary is None:
        iam.attach_user_policy(UserName=live.user_name, PolicyArn=policies.restricted)
    elif live.boundary != policies.enrolling[case.restriction.boundary]:
        _require_boundary(live, case.restriction.boundary)
        enrolling = policies.enrolling[case.restriction.boundary]
        iam.put_user_permissions_boundary(UserName=live.user_name, PermissionsBoundary=enrolling)
    return case


def ensure_suspended(iam: Any, table: Table, case: Case, live: Live, policies: Policies) -> Case:
    """From now on the user may do nothing, and its access keys are inactive. The password stays: nobody could set the
    same one again. The policy comes last: a sweep that sees it takes the user for suspended. Raises NoRoom."""
    if case.suspension is None:
        _require_room(iam, live.user_name, policies.suspended)
        keys = iam.list_access_keys(UserName=live.user_name)["AccessKeyMetadata"]
        active = tuple(sorted(one["AccessKeyId"] for one in keys if one["Status"] == "Active"))
        case = _write_down(table, case, "suspension", Suspension(times.now(), active))
    assert case.suspension is not None
    for key in case.suspension.keys:
        _set_key(iam, live.user_name, key, "Inactive")
    iam.attach_user_policy(UserName=live.user_name, PolicyArn=policies.suspended)
    return case


def restore(iam: Any, table: Table, case: Case, live: Live, policies: Policies, what: str) -> tuple[Case, list[str]]:
    """Put back what stood before the `what` ("suspension", "restriction"); returns that in words.

    The days until a user is restricted again begin anew. Raises ChangedMeanwhile where somebody else has changed the
    boundary: what that was for is not ours to judge.
    """
    if what == "restriction" and case.restriction and case.restriction.boundary:
        enrolling = policies.enrolling.get(case.restriction.boundary)
        if live.boundary not in (enrolling, case.restriction.boundary):
            raise ChangedMeanwhile(
                f"the boundary of {live.user_name} was {enrolling} and is {live.boundary or 'none'} now"
            )
    case = cases.write(table, case, {"restoring": what})
    put_back = list((_unsuspend if what == "suspension" else _unrestrict)(iam, case, live, policies))
    ended, gone = {"restored_at": times.now()}, ("restoring", what)
    if what == "suspension" and case.restriction:
        look = cases.next_look(LOOK_SECONDS["restriction"])
        return cases.write(table, case, {**ended, **look}, removes=gone), put_back
    return cases.write(table, case, {**ended, **cases.kept()}, removes=(*gone, "created_at")), put_back


def _write_down(table: Table, case: Case, what: str, stood: Restriction | Suspension) -> Case:
    """Before anything is changed: what to put back, for as long as it takes."""
    return cases.write(table, case, {what: asdict(stood), **cases.next_look(LOOK_SECONDS[what])}, removes=("ttl",))


def _unsuspend(iam: Any, case: Case, live: Live, policies: Policies) -> Iterator[str]:
    """The keys come first: until the last call nothing can be done with them."""
    assert case.suspension is not None
    for key in case.suspension.keys:
        there = _set_key(iam, live.user_name, key, "Active")
        yield f"access key {key} is active again" if there else f"access key {key} is gone: somebody has deleted it"
    _detach(iam, live.user_name, policies.suspended)
    yield "the policy that denied everything is detached"


def _unrestrict(iam: Any, case: Case, live: Live, policies: Policies) -> Iterator[str]:
    assert case.restriction is not None
    if case.restriction.boundary is None:
        _detach(iam, live.user_name, policies.restricted)
        yield "the policy that allowed nothing but enrolling is detached"
        return
    # Also where it was seen already: IAM may show what stood before the restriction.
    iam.put_user_permissions_boundary(UserName=live.user_name, PermissionsBoundary=case.restriction.boundary)
    yield f"the boundary is {case.restriction.boundary} again"


def _require_boundary(live: Live, expected: str) -> None:
    if live.boundary != expected:
        raise ChangedMeanwhile(f"the boundary of {live.user_name} was {expected} and is {live.boundary or 'none'} now")


def _require_room(iam: Any, user_name: str, policy: str) -> None:
    pages = iam.get_paginator("list_attached_user_policies").paginate(UserName=user_name)
    attached = [one["PolicyArn"] for page in pages for one in page["AttachedPolicies"]]
    if policy in attached:
        raise NoRoom(f"{policy} is attached already, by somebody else")
    if len(attached) >= MOST_POLICIES:
        raise NoRoom(f"{len(attached)} managed policies are attached, AWS allows no more; none of them is detached")


def _set_key(iam: Any, user_name: str, key: str, status: str) -> bool:
    """False where the key is gone."""
    try:
        iam.update_access_key(UserName=user_name, AccessKeyId=key, Status=status)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def _detach(iam: Any, user_name: str, policy: str) -> None:
    try:
        iam.detach_user_policy(UserName=user_name, PolicyArn=policy)
    except iam.exceptions.NoSuchEntityException:
        return
