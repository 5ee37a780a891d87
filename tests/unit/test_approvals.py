"""Who decides, whatever door a decision comes through."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import approvals, people, times
from gatehouse.model import Approval, Caller, Decision, Onboarding, Requester, Status
from gatehouse.people import Directory
from gatehouse.problems import Problem
from tests.unit.account import ACCOUNT, NOW, USER, arn_of, make_record

APPROVERS = '{"platform": ["alma <Alma@Example.com>", "bob", "carl", "dora"], "security": ["sven", "bob"]}'
PEOPLE = Directory.parse(APPROVERS, "olga")
ENTITLED = sorted(PEOPLE.approvers["platform"] | PEOPLE.approvers["security"])
SOMEBODY = st.sampled_from([*ENTITLED, "requester", "mallory", USER])


def pending(needed: int = 1, requester: str = "requester", profile: str = "power-user", **record: object) -> Onboarding:
    made = make_record(
        Status.PENDING_APPROVAL,
        profile=profile,
        justification="a migration",
        requester=Requester(arn_of(requester), requester, verified=True),
        record={"approval_expires_at": times.after(NOW, 60)} | record,
    )
    return replace(made, approval=Approval(needed, ("platform", "security")))


def caller(person: str | None, arn: str | None = None) -> Caller:
    return Caller(arn or arn_of(person or "role"), person)


def decide(record: Onboarding, person: str | None, choice: str = "approve", now: str = NOW) -> Decision | None:
    return approvals.decide(record, caller(person), choice, None, now, PEOPLE)


def after(record: Onboarding, *decided: tuple[str, str]) -> Onboarding:
    """The record once these persons decided, as far as they were let."""
    for person, choice in decided:
        try:
            decision = decide(record, person, choice)
        except Problem:
            continue
        if decision:
            status = approvals.next_status(record, decision)
            decisions = (*record.approval.decisions, decision)
            record = replace(record, status=status, approval=replace(record.approval, decisions=decisions))
    return record


CHOICES = st.lists(st.tuples(SOMEBODY, st.sampled_from(["approve", "approve", "approve", "reject"])), max_size=8)


@given(CHOICES, st.integers(1, 4), SOMEBODY)
def test_only_distinct_entitled_persons_other_than_requester_and_target_count(
    choices: list[tuple[str, str]], needed: int, requester: str
) -> None:
    record = after(pending(needed, requester), *choices)
    entitled = set(ENTITLED) - {requester, USER}
    effective = []
    for person, choice in choices:
        if person in entitled:
            effective.append((person, choice))
            if choice == "reject" or len({who for who, _ in effective}) == needed:
                break
    rejected = any(choice == "reject" for _, choice in effective)
    approved = len({person for person, _ in effective}) >= needed and not rejected
    assert approvals.is_approved(record) == approved
    assert record.status == ("ROLLING_BACK" if rejected else "PROVISIONING" if approved else "PENDING_APPROVAL")


@given(st.lists(st.sampled_from(ENTITLED), min_size=1, max_size=10))
def test_who_approves_again_and_again_counts_once(persons: list[str]) -> None:
    record = after(pending(needed=10), *[(person, "approve") for person in persons])
    assert len(record.approval.decisions) == len(set(persons))


@given(st.sampled_from(ENTITLED), st.sampled_from(["approve", "reject"]))
def test_nobody_decides_on_a_request_of_their_own(person: str, choice: str) -> None:
    with pytest.raises(Problem) as refusal:
        decide(pending(requester=person), person, choice)
    assert (refusal.value.status, refusal.value.slug) == (403, "own-request")


@pytest.mark.parametrize("name", ["alma", "Alma", "ALMA"])
def test_nobody_decides_about_themselves_in_any_case(name: str) -> None:
    record = pending()
    record = replace(record, request={**record.request, "user_name": name})
    with pytest.raises(Problem) as refusal:
        decide(record, "alma")
    assert refusal.value.slug == "own-request"


def test_a_role_that_asked_does_not_decide_under_another_session_name() -> None:
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/"
    record = replace(pending(), requester=Requester(role + "monday", None, verified=True))
    assert Caller(role + "tuesday", None).key == record.requester.key
    with pytest.raises(Problem) as refusal:
        approvals.decide(record, Caller(role + "tuesday", None), "approve", None, NOW, PEOPLE)
    assert refusal.value.status == 403


@pytest.mark.parametrize("person", [None, "mallory", "requester2"])
@pytest.mark.parametrize("choice", ["approve", "reject"])
def test_who_is_no_approver_decides_nothing(person: str | None, choice: str) -> None:
    with pytest.raises(Problem) as refusal:
        decide(pending(), person, choice)
    assert (refusal.value.status, refusal.value.slug) == (403, "not-an-approver")


def test_a_role_is_told_that_it_stands_for_nobody() -> None:
    with pytest.raises(Problem, match="stand for nobody in particular"):
        decide(pending(), None)


def test_an_approver_of_another_label_is_no_approver_here() -> None:
    record = replace(pending(), approval=Approval(1, ("platform",)))
    with pytest.raises(Problem) as refusal:
        decide(record, "sven")
    assert refusal.value.slug == "not-an-approver"


def test_a_label_that_nobody_filled_entitles_nobody() -> None:
    assert approvals.entitled(replace(pending(), approval=Approval(1, ("unheard-of",))), PEOPLE) == set()


def test_those_entitled_are_the_profile_s_approvers_without_whom_it_concerns() -> None:
    assert approvals.entitled(pending(requester="bob"), PEOPLE) == {"alma", "carl", "dora", "sven"}


@pytest.mark.parametrize("email", ["alma@example.com", "ALMA@example.com"])
def test_who_would_get_the_mail_of_the_new_user_does_not_decide(email: str) -> None:
    record = pending()
    record = replace(record, request={**record.request, "email": email})
    assert "alma" not in approvals.entitled(record, PEOPLE)
    with pytest.raises(Problem) as refusal:
        decide(record, "alma")
    assert refusal.value.status == 403


def test_who_is_named_by_the_new_user_s_address_does_not_decide() -> None:
    people = Directory.parse('{"platform": ["alma@example.com"]}', "")
    record = pending()
    record = replace(record, request={**record.request, "email": "Alma@example.com"})
    with pytest.raises(Problem) as refusal:
        approvals.decide(record, caller("alma@example.com"), "approve", None, NOW, people)
    assert refusal.value.slug == "own-request"


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING_APPROVAL}))
def test_what_is_not_pending_is_not_decided(status: Status) -> None:
    with pytest.raises(Problem) as refusal:
        decide(pending(status=status), "alma")
    assert (refusal.value.status, refusal.value.slug) == (409, "not-pending-approval")


@pytest.mark.parametrize("now", [times.after(NOW, 60), times.after(NOW, 61)])
def test_after_the_time_to_decide_it_is_too_late(now: str) -> None:
    with pytest.raises(Problem) as refusal:
        decide(pending(), "alma", now=now)
    assert (refusal.value.status, refusal.value.slug) == (409, "decision-expired")


def test_without_an_end_nothing_is_decided() -> None:
    with pytest.raises(Problem) as refusal:
        decide(pending(approval_expires_at=None), "alma")
    assert refusal.value.slug == "decision-expired"


def test_what_is_cancelled_is_not_decided() -> None:
    with pytest.raises(Problem) as refusal:
        decide(pending(cancelled_by="olga"), "alma")
    assert (refusal.value.status, refusal.value.slug) == (409, "cancelled")


def test_who_must_not_decide_learns_nothing_about_the_state() -> None:
    with pytest.raises(Problem) as refusal:
        decide(pending(status=Status.COMPLETE), "mallory")
    assert refusal.value.status == 403


def test_a_reject_ends_it_also_by_somebody_who_approved_before() -> None:
    record = after(pending(needed=2), ("alma", "approve"), ("alma", "reject"))
    assert record.status is Status.ROLLING_BACK
    assert (rejection := approvals.rejection(record)) is not None
    assert rejection.person == "alma"
    assert not approvals.is_approved(record)


def test_an_approval_of_another_digest_does_not_count() -> None:
    record = after(pending(), ("alma", "approve"))
    assert approvals.is_approved(record)
    assert not approvals.is_approved(replace(record, digest="another request"))


def test_decisions_written_past_the_rules_do_not_count() -> None:
    """Whoever could write to the table could write any decision: the requester's own still counts for nothing."""
    record = pending()
    forged = tuple(Decision(who, "arn", "approve", None, record.digest, NOW) for who in ("requester", USER))
    assert not approvals.is_approved(replace(record, approval=replace(record.approval, decisions=forged)))


def test_a_decision_holds_who_what_when_and_of_which_digest() -> None:
    record = pending()
    decision = approvals.decide(record, caller("alma"), "approve", "fine", NOW, PEOPLE)
    assert decision == Decision("alma", arn_of("alma"), "approve", "fine", record.digest, NOW)


@pytest.mark.parametrize(
    ("requester", "needed", "as_started"),
    [
        (Requester(None, None, verified=False), 0, 1),
        (Requester(None, None, verified=False), 2, 2),
        (Requester("arn:alice", "alice", verified=True), 0, 0),
        (Requester("arn:alice", "alice", verified=True), 2, 2),
        (Requester("arn:role", None, verified=True), 0, 0),
        (Requester("arn:role", None, verified=True), 1, 2),
    ],
    ids=["console", "console, two", "person", "person, two", "role", "role, one"],
)
def test_who_is_not_known_to_be_another_person_needs_one_more(
    requester: Requester, needed: int, as_started: int
) -> None:
    assert approvals.as_started(Approval(needed, ("platform",)), requester) == Approval(as_started, ("platform",))


def test_who_needs_no_approval_is_approved() -> None:
    assert approvals.is_approved(pending(needed=0, profile="developer"))


@pytest.mark.parametrize(
    ("profile", "requester", "enough"),
    [
        ("developer", Requester(arn_of("eve"), "eve", verified=True), 0),
        ("developer", Requester(None, None, verified=False), 1),
        ("power-user", Requester(arn_of("eve"), "eve", verified=True), 1),
        ("power-user", Requester("arn:role", None, verified=True), 2),
        ("migration-admin", Requester(arn_of("eve"), "eve", verified=True), 2),
        ("migration-admin", Requester("arn:role", None, verified=True), 3),
    ],
)
def test_a_record_that_needs_fewer_than_the_catalogue_wants_is_not_believed(
    profile: str, requester: Requester, enough: int
) -> None:
    """Whoever could write to the table could lower what is needed; the catalogue is code."""
    record = replace(pending(needed=0, profile=profile), requester=requester)
    given = tuple(Decision(who, "arn", "approve", None, record.digest, NOW) for who in ENTITLED)
    for number in range(4):
        lowered = replace(record, approval=replace(record.approval, decisions=given[:number]))
        assert approvals.is_approved(lowered) == (number >= enough)


def test_what_goes_beyond_its_profile_needs_an_approval_whatever_the_record_says() -> None:
    record = pending(needed=0, profile="developer")
    assert approvals.is_approved(record)
    assert not approvals.is_approved(replace(record, grants=replace(record.grants, beyond_profile=("more",))))


def test_a_profile_that_left_the_catalogue_is_granted_to_nobody() -> None:
    record = after(pending(), ("alma", "approve"))
    gone = replace(record, request={**record.request, "profile": "abolished"})
    assert approvals.is_approved(record)
    assert not approvals.is_approved(gone)


TWICE = Directory.parse('{"platform": ["alma <Alma@Example.com>", "alma@example.com", "bob <team@x.org>"]}', "")


@pytest.mark.parametrize(("one", "other"), [("alma", "alma@example.com"), ("alma@example.com", "alma")])
def test_one_human_with_two_names_is_one_person(one: str, other: str) -> None:
    own = pending(requester=one)
    with pytest.raises(Problem) as refusal:
        approvals.decide(own, caller(other), "approve", None, NOW, TWICE)
    assert (refusal.value.status, refusal.value.slug) == (403, "own-request")
    assert approvals.entitled(own, TWICE) == {"bob"}

    record = pending(needed=2)
    first = approvals.decide(record, caller(one), "approve", None, NOW, TWICE)
    assert first is not None
    record = replace(record, approval=replace(record.approval, decisions=(first,)))
    assert approvals.decide(record, caller(other), "approve", None, NOW, TWICE) is None
    assert approvals.decide(record, caller("bob"), "approve", None, NOW, TWICE) is not None


def test_an_address_that_several_approvers_share_makes_them_no_single_person() -> None:
    team = Directory.parse('{"platform": ["alma <team@x.org>", "bob <team@x.org>"]}', "")
    record = pending(needed=2, requester="eve")
    first = approvals.decide(record, caller("alma"), "approve", None, NOW, team)
    assert first is not None
    record = replace(record, approval=replace(record.approval, decisions=(first,)))
    assert approvals.decide(record, caller("bob"), "approve", None, NOW, team) is not None
    assert approvals.entitled(pending(requester="alma"), team) == {"bob"}


@given(st.from_regex(r"[a-z0-9._-]{0,10}", fullmatch=True), st.booleans())
def test_who_reads_the_mail_to_a_sub_address_of_the_new_user_does_not_decide(tag: str, shouted: bool) -> None:
    email = f"alma+{tag}@example.com"
    record = pending()
    record = replace(record, request={**record.request, "email": email.upper() if shouted else email})
    assert "alma" not in approvals.entitled(record, PEOPLE)
    with pytest.raises(Problem) as refusal:
        decide(record, "alma")
    assert refusal.value.slug == "own-request"


SESSION_NAME = st.from_regex(r"[A-Za-z0-9_+=,.@-]{2,64}", fullmatch=True)
PATH = st.from_regex(r"/([!-.0-~]{1,12}/){0,3}", fullmatch=True)


@given(SESSION_NAME, PATH, st.randoms())
def test_every_identity_of_the_requester_is_refused_and_none_of_a_role_counts(
    name: str, path: str, chance: random.Random
) -> None:
    """In any case, path and permission set, and in a role that pins the name; never in one that does not."""

    def cased() -> str:
        return "".join(chance.choice((letter.lower(), letter.upper())) for letter in name)

    sessions = f"arn:aws:sts::{ACCOUNT}:assumed-role"
    own = [
        f"arn:aws:iam::{ACCOUNT}:user{path}{cased()}",
        f"{sessions}/ResourceCreatorRole/{cased()}",
        f"{sessions}/AWSReservedSSO_Admin_0123456789abcdef/{cased()}",
        f"{sessions}/AWSReservedSSO_Read+Only_fedcba9876543210/{cased()}",
    ]
    nobody = [
        f"{sessions}/Deployer/{name}",
        f"{sessions}/MyResourceCreatorRole/{name}",
        f"{sessions}/AWSReservedSSO_Own/{name}",
        f"arn:aws:sts::{ACCOUNT}:federated-user/{name}",
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:iam::999999999999:user/{name}",
        f"arn:aws:sts::999999999999:assumed-role/ResourceCreatorRole/{name}",
        f"arn:aws:sts::999999999999:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/{name}",
    ]
    directory = Directory({"platform": frozenset({name.lower(), "bob"})}, frozenset(), {})
    for asked in own:
        requester = people.caller(asked, ACCOUNT)
        record = replace(pending(), requester=Requester(asked, requester.person, verified=True))
        assert approvals.entitled(record, directory) == {"bob"} - {name.lower()}
        for arn in (*own, *nobody):
            with pytest.raises(Problem) as refusal:
                approvals.decide(record, people.caller(arn, ACCOUNT), "approve", None, NOW, directory)
            assert (refusal.value.status, refusal.value.slug) == (
                403,
                "own-request" if arn in own else "not-an-approver",
            )


@pytest.mark.parametrize(
    "name", ["\N{KELVIN SIGN}ate", "\N{FULLWIDTH LATIN SMALL LETTER A}lma", "alm\N{CYRILLIC SMALL LETTER A}"]
)
def test_a_letter_that_only_looks_like_an_approver_s_makes_no_approver(name: str) -> None:
    """IAM has no such names, but a text that says so must not become one of ours by being lower-cased."""
    directory = Directory.parse('{"platform": ["alma", "kate"]}', "")
    for arn in (
        f"arn:aws:iam::{ACCOUNT}:user/{name}",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/ResourceCreatorRole/{name}",
    ):
        with pytest.raises(Problem) as refusal:
            approvals.decide(pending(), people.caller(arn, ACCOUNT), "approve", None, NOW, directory)
        assert (refusal.value.status, refusal.value.slug) == (403, "not-an-approver")
