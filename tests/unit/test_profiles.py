"""What a request amounts to, and where it leaves the catalogue."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import catalogue, effective_grants, granting, onboarding_request, profiles, times
from gatehouse.errors import InvalidRequest
from gatehouse.model import Permissions
from tests.unit.account import (
    AS_APPLICATION,
    BOUNDARY_PREFIX,
    ENROLLING,
    MEMBER,
    MEMBER_ONE_REGION,
    NOW,
    change_catalogue,
    make_request,
)

HERE = effective_grants.Account.of(BOUNDARY_PREFIX)
DAY = 86_400
AWS_POLICY = "arn:aws:iam::aws:policy/"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:chosen"
NOTHING = Permissions((), (), {})


def review(copied: Permissions | None = None, **request: Any) -> profiles.Review:
    return profiles.review(onboarding_request.canonical(make_request(**request)), HERE, NOW, copied)


def refused(copied: Permissions | None = None, **request: Any) -> set[str]:
    with pytest.raises(InvalidRequest) as error:
        review(copied, **request)
    return {problem.field for problem in error.value.problems}


def test_the_account_is_read_from_the_boundaries() -> None:
    assert (HERE.partition, HERE.account_id) == ("aws", "123456789012")


def test_a_developer_may_assume_one_role_and_nothing_else() -> None:
    grants = review().grants
    assert (grants.groups, grants.managed_policies, grants.privileged) == ((), (), False)
    (document,) = grants.inline_policies.values()
    (statement,) = json.loads(document)["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Resource"] == "arn:aws:iam::123456789012:role/gatehouse/ResourceCreatorRole"


@pytest.mark.parametrize(
    ("profile", "policies", "privileged"),
    [
        ("auditor", {"SecurityAudit", "job-function/ViewOnlyAccess"}, False),
        ("power-user", {"PowerUserAccess"}, True),
        ("migration-admin", {"AdministratorAccess"}, True),
    ],
)
def test_a_profile_grants_its_policies(profile: str, policies: set[str], privileged: bool) -> None:
    grants = review(profile=profile, justification="a migration").grants
    assert set(grants.managed_policies) == {f"{AWS_POLICY}{name}" for name in policies}
    assert grants.privileged is privileged
    assert (grants.boundary_enrolling, grants.boundary_member) == (ENROLLING, MEMBER)


def test_a_policy_that_the_profile_has_anyway_may_be_named() -> None:
    arn = "arn:aws:iam::aws:policy/SecurityAudit"
    assert review(profile="auditor", policies=[arn]).grants.managed_policies.count(arn) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("profile", "root"),
        ("kind", "application"),
        ("groups", ["Admins"]),
        ("policies", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        ("policies", ["arn:aws:iam::123456789012:policy/own"]),
        ("policies", ["arn:aws:iam::999999999999:policy/foreign"]),
        ("policies", ["PutMetrics"]),
        ("policies", ["NoSuchTemplate"]),
        ("permissions_boundary", "none"),
        ("permissions_boundary", "application"),
        ("password_secret_arn", "arn:aws:secretsmanager:us-east-1:999999999999:secret:chosen"),
    ],
)
def test_what_the_profile_does_not_hold_is_refused(field: str, value: object) -> None:
    assert refused(**{field: value}) == {field}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("policies", ["arn:aws:iam::999999999999:policy/foreign"], "policies of AWS or of account 123456789012"),
        ("policies", ["arn:aws:iam::123456789012:policy/own"], "must be within"),
        ("password_secret_arn", "arn:aws:secretsmanager:us-east-1:999999999999:secret:x", "of account 123456789012"),
        ("policies", ["PutMetrics"], "must be within .*ReadLogs"),
        ("groups", ["Admins"], "Auditors, PowerUsers"),
        ("permissions_boundary", "none", "default, one-region"),
    ],
)
def test_it_is_told_whether_the_account_or_the_profile_is_in_the_way(field: str, value: object, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        review(**{field: value})


def test_a_profile_may_be_for_one_kind_of_access_only(monkeypatch: pytest.MonkeyPatch) -> None:
    change_catalogue(monkeypatch, lambda shelf: shelf["profiles"]["developer"].update(access=["console"]))
    assert refused(access=["console", "programmatic"]) == {"access"}
    assert review(access=["console"]).request["access"] == ["console"]


def test_a_program_has_no_console(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(**AS_APPLICATION | {"access": ["console"]}) == {"access"}
    assert refused(**AS_APPLICATION | {"kind": "person"}) == {"kind"}


@pytest.mark.parametrize(
    ("field", "value"), [("copy_from", "bob"), ("password_secret_arn", SECRET), ("groups", ["Auditors"])]
)
def test_a_profile_may_be_closed_to_additions(field: str, value: object) -> None:
    assert refused(profile="migration-admin", justification="x", **{field: value}) == {field}


def test_an_unknown_profile_is_told_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match="application, auditor, developer, migration-admin, power-user"):
        review(profile="root")


@pytest.mark.parametrize("justification", [None, " ", "\u00a0", "\u200b"])
def test_a_profile_may_want_to_know_why(justification: str | None) -> None:
    assert refused(profile="migration-admin", justification=justification) == {"justification"}


def test_every_way_out_of_the_catalogue_is_named_at_once() -> None:
    wrong = {"kind": "application", "groups": ["Admins"], "policies": ["No"], "permissions_boundary": "none"}
    assert refused(**wrong, tags={"Access-Level": "x"}) == {*wrong, "tags"}


@pytest.mark.parametrize(
    ("profile", "days"), [("developer", 365), ("auditor", 365), ("power-user", 180), ("migration-admin", 30)]
)
def test_without_an_end_a_user_ends_after_the_profile_s_longest_duration(profile: str, days: int) -> None:
    assert review(profile=profile, justification="x").request["expires_at"] == times.after(NOW, days * DAY)


@pytest.mark.parametrize("seconds", [1, 365 * DAY])
def test_an_end_within_the_longest_duration_is_kept_in_utc(seconds: int) -> None:
    wanted = times.parse(times.after(NOW, seconds)).isoformat()
    assert review(expires_at=wanted).request["expires_at"] == times.after(NOW, seconds)


@pytest.mark.parametrize("seconds", [-1, 0, 365 * DAY + 1, 10_000 * DAY])
def test_an_end_in_the_past_or_too_far_away_is_refused(seconds: int) -> None:
    assert refused(expires_at=times.after(NOW, seconds)) == {"expires_at"}


LOOKS_LIKE_A_TIME = st.from_regex(
    onboarding_request.schema()["properties"]["expires_at"]["pattern"],
    fullmatch=True,
    alphabet=st.characters(codec="ascii"),
)


@given(LOOKS_LIKE_A_TIME)
def test_whatever_looks_like_a_time_is_taken_or_refused(expires_at: str) -> None:
    try:
        end = review(expires_at=expires_at).request["expires_at"]
    except InvalidRequest as error:
        named = [problem.field for problem in error.problems]
    else:
        named = ["expires_at"] if NOW < end <= times.after(NOW, 365 * DAY) else []
    assert named == ["expires_at"]


def shuffled(request: dict[str, Any], order: list[int]) -> dict[str, Any]:
    items = list(request.items())
    return dict(sorted(items, key=lambda item: order[items.index(item)]))


@given(st.permutations(range(14)), st.permutations(range(4)))
def test_the_digest_does_not_depend_on_the_order_of_keys(order: list[int], tag_order: list[int]) -> None:
    tags = {"a": "1", "b": "2", "c": "3", "d": "4"}
    canonical = onboarding_request.canonical(make_request(tags=tags))
    other = shuffled({**canonical, "tags": shuffled(tags, tag_order)}, order)
    assert profiles.review(other, HERE, NOW).digest == profiles.review(canonical, HERE, NOW).digest


@pytest.mark.parametrize(
    "change",
    [
        {"user_name": "bob"},
        {"email": "eve@example.com"},
        {"profile": "auditor"},
        {"access": ["programmatic"]},
        {"groups": ["Auditors"]},
        {"policies": ["ReadLogs"]},
        {"copy_from": "bob"},
        {"permissions_boundary": "one-region"},
        {"password_secret_arn": SECRET},
        {"require_password_reset": False},
        {"tags": {"a": "b"}},
        {"justification": "because"},
        {"expires_at": times.after(NOW, 60)},
    ],
)
def test_the_digest_depends_on_everything_that_is_asked_for(change: dict[str, Any]) -> None:
    assert review(**change).digest != review().digest


def test_every_field_of_a_request_changes_the_digest() -> None:
    """Of any value: also one that no profile takes today."""
    sound = review()
    for field in onboarding_request.schema()["properties"]:
        assert replace(sound, request={**sound.request, field: "another"}).digest != sound.digest


SHELF_CHANGES: dict[str, Any] = {
    "a template's statement": lambda shelf: shelf["policy_templates"]["ReadLogs"]["statements"][0].update(Action="*"),
    "a template's words": lambda shelf: shelf["policy_templates"]["ReadLogs"].update(description="more"),
    "a group's policies": lambda shelf: shelf["groups"]["Auditors"]["managed_policies"].append(
        f"{AWS_POLICY}PowerUserAccess"
    ),
    "what is privileged": lambda shelf: shelf["policy_templates"]["ReadLogs"].update(privileged=True),
    "the profile's policies": lambda shelf: shelf["profiles"]["developer"]["managed_policies"].append(
        f"{AWS_POLICY}SecurityAudit"
    ),
    "the profile's tags": lambda shelf: shelf["profiles"]["developer"]["tags"].update(more="1"),
    "the profile's boundary": lambda shelf: shelf["boundaries"]["default"].update(member="member-one-region"),
    "what it risks": lambda shelf: shelf["escalations"]["change-stack"].update(in_words="is harmless"),
}


@pytest.mark.parametrize("change", SHELF_CHANGES.values(), ids=SHELF_CHANGES)
def test_the_digest_depends_on_what_the_catalogue_makes_of_it(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    asked: dict[str, Any] = {"groups": ["Auditors"], "policies": ["ReadLogs"]}
    before = review(**asked).digest
    change_catalogue(monkeypatch, change)
    assert review(**asked).digest != before


@pytest.mark.parametrize(
    ("profile", "needed"), [("developer", 0), ("auditor", 0), ("power-user", 1), ("migration-admin", 2)]
)
def test_a_profile_says_how_many_have_to_agree(profile: str, needed: int) -> None:
    assert review(profile=profile, justification="x").approval.needed == needed


def test_an_application_needs_an_approval_whatever_it_asks_for() -> None:
    assert review(**AS_APPLICATION).approval.needed == 1


@pytest.mark.parametrize(
    "more",
    [
        {"groups": ["Auditors"]},
        {"policies": [f"{AWS_POLICY}job-function/ViewOnlyAccess"]},
        {"policies": ["ReadLogs"]},
        {"groups": ["PowerUsers"], "policies": [f"{AWS_POLICY}PowerUserAccess", "ReadLogs"]},
    ],
)
def test_whoever_asks_for_more_than_the_profile_asks_for_an_approval(more: dict[str, Any]) -> None:
    asked = review(**more)
    assert asked.approval.needed == 1
    assert len(asked.grants.beyond_profile) >= len([one for names in more.values() for one in names])


def test_to_name_what_the_profile_grants_anyhow_is_no_more() -> None:
    asked = review(policies=["AssumeResourceCreatorRole"])
    assert (asked.approval.needed, asked.grants.beyond_profile) == (0, ())


def test_more_than_the_profile_lowers_no_number_of_approvals(monkeypatch: pytest.MonkeyPatch) -> None:
    change_catalogue(monkeypatch, lambda shelf: shelf["profiles"]["developer"].update(approvals_needed=2))
    assert review(groups=["Auditors"]).approval.needed == 2


PEOPLE = ("developer", "power-user", "auditor", "migration-admin")


def names_of(profile: str) -> effective_grants.Names:
    return effective_grants.addable(catalogue.profiles()[profile])


@given(st.data(), st.sampled_from(PEOPLE))
def test_exactly_what_may_be_added_is_granted(data: st.DataObject, profile: str) -> None:
    groups = data.draw(st.sets(st.sampled_from(sorted(catalogue.groups()))))
    policies = data.draw(st.sets(st.sampled_from([*catalogue.managed_policies(), *catalogue.policy_templates()])))
    allowed = names_of(profile)
    wrong = {
        *(["groups"] if groups - allowed.groups else []),
        *(["policies"] if policies - allowed.managed_policies - allowed.policy_templates else []),
    }
    asked: dict[str, Any] = {"groups": sorted(groups), "policies": sorted(policies)}
    if wrong:
        assert refused(profile=profile, justification="x", **asked) == wrong
        return
    made = review(profile=profile, justification="x", **asked)
    granted = {*made.grants.managed_policies, *made.grants.inline_policies}
    own = effective_grants.of_profile(catalogue.profiles()[profile])
    assert granted >= policies
    assert granted <= allowed.managed_policies | allowed.policy_templates
    assert set(made.grants.groups) == groups | own.groups
    beyond = (granted | groups) - own.groups - own.managed_policies - own.policy_templates
    assert bool(beyond) == bool(made.grants.beyond_profile)
    assert made.approval.needed == max(catalogue.profiles()[profile]["approvals_needed"], bool(beyond))


@given(st.sets(st.sampled_from(["PowerUsers", "Auditors"])), st.sets(st.sampled_from(["PowerUserAccess", "ReadLogs"])))
def test_what_is_privileged_waits_for_mfa_wherever_it_comes_from(groups: set[str], policies: set[str]) -> None:
    asked = [f"{AWS_POLICY}{name}" if name == "PowerUserAccess" else name for name in sorted(policies)]
    grants = review(groups=sorted(groups), policies=asked).grants
    assert grants.privileged == bool({"PowerUsers", "PowerUserAccess"} & (groups | policies))
    assert ("granted only after MFA is enrolled" in grants.in_words) == grants.privileged


@pytest.mark.parametrize(("named", "member"), [(None, MEMBER), ("default", MEMBER), ("one-region", MEMBER_ONE_REGION)])
def test_a_pair_of_boundaries_may_be_chosen(named: str | None, member: str) -> None:
    grants = review(permissions_boundary=named).grants
    assert (grants.boundary_enrolling, grants.boundary_member) == (ENROLLING, member)


def test_a_narrower_boundary_needs_no_approval() -> None:
    assert review(permissions_boundary="one-region").approval.needed == 0


def test_the_tags_of_profile_and_request_are_set() -> None:
    assert review(tags={"cost-center": "4711"}).grants.tags == {"access-level": "assumed-role", "cost-center": "4711"}


@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_nobody_sets_a_tag_of_the_profile_in_any_case(upper: list[bool]) -> None:
    tag = "".join(letter.upper() if up else letter for letter, up in zip("access-level", upper, strict=True))
    assert refused(tags={tag: "administrator"}) == {"tags"}


def theirs(*policies: str, groups: tuple[str, ...] = (), **documents: object) -> Permissions:
    """What a user has whom somebody copies."""
    inline = {name: json.dumps(document, indent=4) for name, document in documents.items()}
    return Permissions(groups, tuple(f"{AWS_POLICY}{name}" for name in policies), inline)


def template(name: str) -> Any:
    return json.loads(effective_grants.inline_policy(name, HERE))


def test_what_is_copied_is_frozen_into_grants_and_digest() -> None:
    copied = theirs("PowerUserAccess", groups=("Auditors",), ReadLogs=template("ReadLogs"))
    made = review(copied, copy_from="bob")
    assert made.grants.groups == ("Auditors",)
    assert made.grants.managed_policies == (f"{AWS_POLICY}PowerUserAccess",)
    assert {"AssumeResourceCreatorRole", "ReadLogs"} <= set(made.grants.inline_policies)
    assert (made.approval.needed, made.grants.privileged) == (1, True)
    assert made.digest != review(NOTHING, copy_from="bob").digest != review().digest


def test_of_a_user_without_permissions_nothing_is_copied() -> None:
    assert review(NOTHING, copy_from="bob").grants == review().grants


def test_a_template_is_known_by_its_document_whatever_it_is_called_there() -> None:
    made = review(theirs(Whatever=template("ReadLogs")), copy_from="bob")
    assert set(made.grants.inline_policies) == {"AssumeResourceCreatorRole", "ReadLogs"}


@pytest.mark.parametrize(
    ("copied", "told"),
    [
        (theirs("AdministratorAccess"), "policy arn:aws:iam::aws:policy/AdministratorAccess"),
        (theirs("AWSCompromisedKeyQuarantineV3"), "AWSCompromisedKeyQuarantineV3"),
        (theirs(groups=("Admins",)), "group Admins"),
        (theirs(Own={"Version": "2012-10-17", "Statement": []}), "inline policy Own"),
        (theirs(ReadLogs={"Version": "2012-10-17", "Statement": []}), "inline policy ReadLogs"),
        (theirs(PutMetrics=template("PutMetrics")), "policy PutMetrics"),
    ],
    ids=["more", "quarantined", "a strange group", "a strange policy", "a changed template", "another's template"],
)
def test_what_may_not_be_added_may_not_be_copied(copied: Permissions, told: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^copy_from bob has what profile developer does not allow") as error:
        review(copied, copy_from="bob")
    assert told in str(error.value)


def test_all_that_is_in_the_way_is_named_at_once() -> None:
    copied = theirs("AdministratorAccess", groups=("Admins",), Own={"Version": "2012-10-17", "Statement": []})
    with pytest.raises(InvalidRequest, match=r"group Admins, policy \S+AdministratorAccess, inline policy Own$"):
        review(copied, copy_from="bob")


def many(kind: str, count: int, entry: dict[str, Any]) -> Any:
    """A catalogue whose developer may add so many of a kind."""

    def change(shelf: dict[str, Any]) -> None:
        names = [f"{AWS_POLICY}P{n}" if kind == "managed_policies" else f"G{n}" for n in range(count)]
        shelf[kind] |= {name: {"description": "x", "privileged": False, "opens": []} | entry for name in names}
        shelf["profiles"]["developer"]["may_add"][kind] = names

    return change


@pytest.mark.parametrize(("count", "fits"), [(9, True), (10, False)])
def test_a_user_has_at_most_nine_groups_besides_that_of_all_members(
    monkeypatch: pytest.MonkeyPatch, count: int, fits: bool
) -> None:
    change_catalogue(monkeypatch, many("groups", count, {"managed_policies": []}))
    asked, copied = [f"G{n}" for n in range(9)], theirs(groups=tuple(f"G{n}" for n in range(9, count)))
    if fits:
        assert len(review(copied, groups=asked, copy_from="bob").grants.groups) == 9
    else:
        assert refused(copied, groups=asked, copy_from="bob") == {"groups"}


@pytest.mark.parametrize(("count", "fits"), [(10, True), (11, False)])
def test_a_user_has_at_most_ten_managed_policies(monkeypatch: pytest.MonkeyPatch, count: int, fits: bool) -> None:
    change_catalogue(monkeypatch, many("managed_policies", count, {}))
    asked, copied = [f"{AWS_POLICY}P{n}" for n in range(10)], theirs(*(f"P{n}" for n in range(10, count)))
    if fits:
        assert len(review(copied, policies=asked, copy_from="bob").grants.managed_policies) == 10
    else:
        assert refused(copied, policies=asked, copy_from="bob") == {"policies"}


def sized(length: int, *, comes_along: bool = False) -> Any:
    """A catalogue with a template that leaves the developer so many characters of inline policies in all."""
    taken = len(effective_grants.inline_policy("AssumeResourceCreatorRole", HERE))

    def change(shelf: dict[str, Any]) -> None:
        statement = {"Sid": "x", "Effect": "Allow", "Action": "a:b", "Resource": ""}
        bare = len(json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":")))
        statement["Resource"] = "r" * (length - taken - bare)
        shelf["policy_templates"]["Long"] = {
            "description": "x", "privileged": False, "opens": [], "statements": [statement],
        }  # fmt: skip
        shelf["profiles"]["developer"]["may_add"]["policy_templates"] = ["Long"]
        if comes_along:
            shelf["managed_policies"][f"{AWS_POLICY}SecurityAudit"]["comes_with"] = ["Long"]
            shelf["profiles"]["developer"]["may_add"]["managed_policies"] = [f"{AWS_POLICY}SecurityAudit"]

    return change


ROOM = profiles.LONGEST_INLINE_POLICIES - profiles.KEPT_FOR_THE_END


@pytest.mark.parametrize(("asked", "comes_along"), [("Long", False), (f"{AWS_POLICY}SecurityAudit", True)])
@pytest.mark.parametrize(("length", "fits"), [(ROOM, True), (ROOM + 1, False)])
def test_inline_policies_leave_room_for_the_one_that_ends_it_all(
    monkeypatch: pytest.MonkeyPatch, length: int, fits: bool, asked: str, comes_along: bool
) -> None:
    change_catalogue(monkeypatch, sized(length, comes_along=comes_along))
    if fits:
        assert sum(map(len, review(policies=[asked]).grants.inline_policies.values())) == length
    else:
        assert refused(policies=[asked]) == {"policies"}


def test_the_policy_that_ends_it_all_fits_into_what_is_kept_for_it() -> None:
    written: dict[str, str] = {}
    iam = type("Iam", (), {"put_user_policy": lambda _, **asked: written.update(asked)})()
    granting.ensure_end(iam, "alice", NOW)
    assert len(written["PolicyDocument"]) <= profiles.KEPT_FOR_THE_END
