"""Each rule of the catalogue bites: what breaks it is named, with what would be right."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from local import catalogue

SHIPPED = catalogue.CATALOGUE.read_text()
LABELS = {"platform", "security"}
AWS_POLICY = "arn:aws:iam::aws:policy/"
ADMINISTRATOR = f"{AWS_POLICY}AdministratorAccess"
POWER = f"{AWS_POLICY}PowerUserAccess"

Shelf = dict[str, Any]
Change = Callable[[Shelf], Any]


def problems(change: Change) -> list[str]:
    shelf = copy.deepcopy(json.loads(SHIPPED))
    change(shelf)
    return catalogue.problems(json.dumps(shelf), LABELS)


def profile(name: str, **fields: Any) -> Change:
    return lambda shelf: shelf["profiles"][name].update(fields)


def may_add(name: str, **fields: Any) -> Change:
    return lambda shelf: shelf["profiles"][name]["may_add"].update(fields)


def entry(kind: str, name: str, **fields: Any) -> Change:
    return lambda shelf: shelf[kind][name].update(fields)


def without(kind: str, name: str, field: str) -> Change:
    return lambda shelf: shelf[kind][name].pop(field)


def renamed(kind: str, old: str, new: str) -> Change:
    return lambda shelf: shelf[kind].update({new: shelf[kind].pop(old)})


def statement(**fields: Any) -> Change:
    return lambda shelf: shelf["policy_templates"]["ReadLogs"]["statements"][0].update(fields)


def test_what_ships_is_sound() -> None:
    assert catalogue.problems(SHIPPED, catalogue.approver_labels()) == []


def test_the_labels_are_those_of_the_template() -> None:
    assert catalogue.approver_labels() == LABELS


SHAPES: dict[str, tuple[Change, str]] = {
    "a part is missing": (lambda shelf: shelf.pop("groups"), "the catalogue 'groups' is a required property"),
    "a part is too many": (lambda shelf: shelf.update(roles={}), "the catalogue Additional properties"),
    "a field is missing": (without("profiles", "developer", "tags"), "profiles.developer 'tags' is a required"),
    "a field is too many": (profile("developer", assumable_roles=[]), "profiles.developer Additional properties"),
    "a flag is a word": (profile("developer", privileged="no"), "profiles.developer.privileged must be true or false"),
    "no approvers": (profile("auditor", approvers=[]), "profiles.auditor.approvers must name at least one label"),
    "longer than a year": (
        profile("auditor", longest_duration_days=366),
        "profiles.auditor.longest_duration_days must be a number of days from 1 to 365",
    ),
    "no approval fewer": (profile("auditor", approvals_needed=-1), "approvals_needed must be a number of people"),
    "an unknown kind": (profile("auditor", kinds=["robot"]), 'kinds must be ["person"] or ["application"]'),
    "both kinds": (profile("auditor", kinds=["person", "application"]), 'kinds must be ["person"] or ["application"]'),
    "an unknown access": (profile("auditor", access=["telnet"]), "profiles.auditor.access.0"),
    "a requester in capitals": (profile("auditor", requesters=["Alice"]), "profiles.auditor.requesters.0"),
    "nobody may request": (profile("auditor", requesters=[]), "requesters must be a list of person keys"),
    "five tags": (profile("auditor", tags=dict.fromkeys("abcde", "x")), "tags must be at most 4 tags"),
    "a tag of AWS": (profile("auditor", tags={"AWS:x": "y"}), "profiles.auditor.tags AWS:x must be a key that IAM"),
    "a tag of ours": (profile("auditor", tags={"gatehouse:profile": "y"}), "gatehouse:profile must be a key"),
    "a tag's value": (profile("auditor", tags={"a": "100%"}), "profiles.auditor.tags.a must be a value that IAM takes"),
    "a profile's name": (renamed("profiles", "auditor", "The Auditor"), "profiles The Auditor"),
    "a group's name": (renamed("groups", "Auditors", "the auditors"), "groups the auditors must be a name that IAM"),
    "a policy's ARN": (
        renamed("managed_policies", POWER, "PowerUserAccess"),
        "managed_policies PowerUserAccess must be the ARN",
    ),
    "a policy of one account": (
        renamed("managed_policies", POWER, "arn:aws:iam::123456789012:policy/x"),
        "must be the ARN of a managed policy of AWS",
    ),
    "a template's name": (renamed("policy_templates", "ReadLogs", "read-logs"), "policy_templates read-logs must be"),
    "an empty group": (entry("groups", "Auditors", managed_policies=[]), "groups.Auditors.managed_policies must be"),
    "a statement without Sid": (lambda shelf: shelf["policy_templates"]["ReadLogs"]["statements"][0].pop("Sid"), "Sid"),
    "a statement on all but": (statement(NotAction="iam:*"), "statements.0 Additional properties"),
    "everything": (statement(Action="*"), "statements.0.Action must be an action such as logs:Get*"),
    "a fixed partition": (
        statement(Resource="arn:aws:s3:::x"),
        "0.Resource must be an ARN with {partition}",
    ),
    "no default pair": (renamed("boundaries", "default", "usual"), "boundaries 'default' is a required property"),
    "words on two lines": (
        entry("groups", "Auditors", description="a\nb"),
        "Auditors.description must be a line",
    ),
}


@pytest.mark.parametrize(("change", "told"), SHAPES.values(), ids=SHAPES)
def test_a_wrong_shape_is_named(change: Change, told: str) -> None:
    assert any(told in problem for problem in problems(change)), problems(change)


def test_a_name_that_is_given_twice_is_named() -> None:
    twice = SHIPPED.replace('"developer": {', '"auditor": {', 1)
    assert catalogue.problems(twice, LABELS) == ["auditor is given more than once"]


def boundary_for_programs(shelf: Shelf) -> None:
    shelf["profiles"]["developer"]["boundary"] = "application"


def boundary_for_people(shelf: Shelf) -> None:
    shelf["profiles"]["application"]["boundary"] = "default"
    shelf["profiles"]["developer"]["boundary"] = "default"


def administrators(shelf: Shelf) -> None:
    shelf["groups"]["Auditors"]["managed_policies"].append(ADMINISTRATOR)


def many_policies(shelf: Shelf) -> None:
    more = [f"{AWS_POLICY}P{number}" for number in range(9)]
    shelf["managed_policies"] |= {arn: {"description": "x", "privileged": False, "opens": []} for arn in more}
    shelf["profiles"]["auditor"]["managed_policies"] += more


def many_groups(shelf: Shelf) -> None:
    more = [f"G{number}" for number in range(10)]
    shelf["groups"] |= {name: {"description": "x", "managed_policies": [f"{AWS_POLICY}SecurityAudit"]} for name in more}
    shelf["profiles"]["auditor"]["groups"] = more


def long_template(shelf: Shelf) -> None:
    shelf["policy_templates"]["ReadLogs"]["statements"][0]["Resource"] = "arn:{partition}:" + "x" * 1_900


def long_grant(shelf: Shelf) -> None:
    long_template(shelf)
    shelf["profiles"]["auditor"]["policy_templates"] = ["ReadLogs"]


def long_companion(shelf: Shelf) -> None:
    shelf["policy_templates"]["DenyBilling"]["statements"][0]["Resource"] = "arn:{partition}:" + "x" * 1_900


def assumes_any_role(shelf: Shelf) -> None:
    shelf["policy_templates"]["AssumeResourceCreatorRole"]["statements"][0]["Resource"] = (
        "arn:{partition}:iam::{account_id}:role/*"
    )


def joined(first: Change, second: Change) -> Change:
    def both(shelf: Shelf) -> None:
        first(shelf)
        second(shelf)

    return both


RULES: dict[str, tuple[Change, str]] = {
    "an unknown group": (
        profile("developer", groups=["Admins"]),
        "profiles.developer.groups must be names of groups: there is no Admins",
    ),
    "an unknown addition": (
        may_add("developer", policy_templates=["Other"]),
        "profiles.developer.may_add.policy_templates must be names of policy_templates: there is no Other",
    ),
    "an unknown policy": (
        profile("developer", managed_policies=[f"{AWS_POLICY}Other"]),
        "must be names of managed_policies: there is no arn:aws:iam::aws:policy/Other",
    ),
    "an unknown boundary": (profile("developer", boundary="none"), "profiles.developer.boundary must be names of"),
    "an unknown boundary to choose": (may_add("developer", boundaries=["none"]), "may_add.boundaries must be names"),
    "an unknown policy of a group": (
        entry("groups", "Auditors", managed_policies=[f"{AWS_POLICY}Other"]),
        "groups.Auditors.managed_policies must be names",
    ),
    "an unknown companion": (
        entry("managed_policies", POWER, comes_with=["Other"]),
        "comes_with must be names of policy_templates: there is no Other",
    ),
    "a template for nobody": (
        lambda shelf: shelf["policy_templates"].update(Lonely=shelf["policy_templates"]["ReadLogs"]),
        "policy_templates.Lonely must be granted by something, or go",
    ),
    "the group of all members": (
        lambda shelf: shelf["groups"].update({"Gatehouse-Users": shelf["groups"]["Auditors"]}),
        "groups.Gatehouse-Users must have another name",
    ),
    "two groups that IAM takes for one": (
        lambda shelf: shelf["groups"].update({"AUDITORS": shelf["groups"]["Auditors"]}),
        "groups.AUDITORS must differ from the others in more than case",
    ),
    "the policy that ends it all": (
        lambda shelf: shelf["policy_templates"].update(GatehouseEnd=shelf["policy_templates"]["ReadLogs"]),
        "policy_templates.GatehouseEnd must have another name",
    ),
    "two tags that IAM takes for one": (
        profile("auditor", tags={"a": "1", "A": "2"}),
        "profiles.auditor.tags must differ in more than case",
    ),
    "an escalation by no action of AWS": (
        entry("escalations", "start-build", needs=["codebuild:StartBuilding"]),
        "escalations.start-build.needs must be actions of AWS: there is no codebuild:StartBuilding",
    ),
    "a service that AWS has not": (
        entry("escalations", "start-build", needs=["nosuch:StartBuild"]),
        "there is no nosuch:StartBuild",
    ),
    "an opened action that nothing needs": (
        entry("policy_templates", "PutMetrics", opens=["ses:SendEmail"]),
        "policy_templates.PutMetrics.opens must be what an escalation needs: none needs ses:SendEmail",
    ),
    "a statement on no action of AWS": (
        statement(Action="logs:Read*"),
        "policy_templates.ReadLogs.statements.ReadLogs must name actions of AWS: there is no logs:Read*",
    ),
    "a strange placeholder": (
        statement(Resource="arn:{partition}:logs:{region}:{account_id}:*"),
        "must know no placeholder but {partition} and {account_id}: {region}",
    ),
    "two statements of one name": (
        lambda shelf: shelf["policy_templates"]["ReadLogs"]["statements"].append(
            shelf["policy_templates"]["ReadLogs"]["statements"][0]
        ),
        "policy_templates.ReadLogs.statements must have a Sid each of its own: ReadLogs",
    ),
    "anything of IAM": (statement(Action=["iam:*"]), "must name each action of IAM, not iam:*"),
    "some of IAM": (statement(Action="iam:Put?serPolicy"), "must name each action of IAM, not iam:Put?serPolicy"),
    "any role": (assumes_any_role, "must name the roles that it lets somebody become, without *"),
    "every role by a pattern": (statement(Action="sts:Assume*"), "must name the roles that it lets somebody become"),
    "a powerful policy": (
        entry("managed_policies", POWER, privileged=False),
        f"managed_policies.{POWER}.privileged must be true",
    ),
    "a policy that opens a way up": (
        entry("managed_policies", f"{AWS_POLICY}SecurityAudit", opens=["iam:PassRole"]),
        "SecurityAudit.privileged must be true",
    ),
    "a template that opens a way up": (
        entry("policy_templates", "PutMetrics", opens=["iam:PassRole"]),
        "policy_templates.PutMetrics.privileged must be true: it opens a way up",
    ),
    "a privileged profile that says no": (
        profile("power-user", privileged=False),
        "profiles.power-user.privileged must be true, as what it grants is",
    ),
    "a harmless profile that says yes": (
        profile("auditor", privileged=True),
        "profiles.auditor.privileged must be false, as what it grants is",
    ),
    "a privileged group in a profile": (
        profile("auditor", groups=["PowerUsers"]),
        "profiles.auditor.privileged must be true",
    ),
    "privilege without approval": (
        profile("power-user", approvals_needed=0),
        "profiles.power-user.approvals_needed must be 1 at least",
    ),
    "administration for one approval": (
        profile("migration-admin", approvals_needed=1),
        "profiles.migration-admin.approvals_needed must be 2 at least with AdministratorAccess",
    ),
    "administration without a reason": (
        profile("migration-admin", justification_required=False),
        "profiles.migration-admin.justification_required must be true with AdministratorAccess",
    ),
    "administration for long": (
        profile("migration-admin", longest_duration_days=31),
        "profiles.migration-admin.longest_duration_days must be 30 at most with AdministratorAccess",
    ),
    "administration as an addition": (
        may_add("power-user", managed_policies=[ADMINISTRATOR]),
        "profiles.power-user.may_add.managed_policies must not hold AdministratorAccess",
    ),
    "administration by group": (administrators, "groups.Auditors.managed_policies must not hold AdministratorAccess"),
    "administration and copies": (
        may_add("migration-admin", copy_from=True),
        "profiles.migration-admin.may_add.copy_from must be false with AdministratorAccess",
    ),
    "a person without the guard of people": (
        boundary_for_programs,
        "profiles.developer.boundary must be a pair for a person, not application",
    ),
    "a person who may choose it": (
        may_add("developer", boundaries=["application"]),
        "profiles.developer.boundary must be a pair for a person, not application",
    ),
    "a program with the guard of people": (
        boundary_for_people,
        "profiles.application.boundary must be a pair for an application, not default",
    ),
    "a person's key's age": (profile("auditor", longest_key_age_days=90), "longest_key_age_days must be left out"),
    "a program with MFA": (profile("application", mfa="any"), "profiles.application.mfa must be left out"),
    "MFA of another kind": (
        profile("auditor", mfa="virtual"),
        "profiles.auditor.mfa must be any, or phishing-resistant",
    ),
    "a program that signs in": (
        profile("application", access=["console", "programmatic"]),
        'profiles.application.access must be ["programmatic"]',
    ),
    "a program without approval": (
        profile("application", approvals_needed=0),
        "profiles.application.approvals_needed must be 1 at least",
    ),
    "a program's key for ever": (
        without("profiles", "application", "longest_key_age_days"),
        "profiles.application.longest_key_age_days must be given",
    ),
    "a program that copies": (may_add("application", copy_from=True), "application.may_add.copy_from must be false"),
    "a program with a password": (
        may_add("application", chosen_password=True),
        "profiles.application.may_add.chosen_password must be false",
    ),
    "a privileged program": (
        joined(profile("application", managed_policies=[POWER]), profile("application", privileged=True)),
        "profiles.application.privileged must not lead to anything privileged",
    ),
    "a program that may be privileged": (
        may_add("application", groups=["PowerUsers"]),
        "profiles.application.may_add must not lead to anything privileged",
    ),
    "more policies than IAM takes": (many_policies, "profiles.auditor.managed_policies must be 10 at most"),
    "more groups than IAM takes": (many_groups, "profiles.auditor.groups must be 9 at most"),
    "longer documents than IAM takes": (
        long_grant,
        "profiles.auditor.policy_templates must make 1698 characters at most: they make",
    ),
    "an addition that never fits": (
        long_template,
        "profiles.developer.may_add.policy_templates must fit beside what it grants: ReadLogs is too long",
    ),
    "a companion that never fits": (long_companion, "profiles.power-user.policy_templates must make 1698"),
    "an unknown label": (
        profile("auditor", approvers=["everybody"]),
        "profiles.auditor.approvers must be labels of the parameter Approvers (platform, security), not everybody",
    ),
}


@pytest.mark.parametrize(("change", "told"), RULES.values(), ids=RULES)
def test_what_breaks_a_rule_is_named(change: Change, told: str) -> None:
    assert any(told in problem for problem in problems(change)), problems(change)


def test_every_rule_that_is_broken_is_told_at_once() -> None:
    broken = joined(profile("migration-admin", approvals_needed=1), profile("auditor", approvers=["everybody"]))
    assert len(problems(broken)) == 2


def test_names_that_stand_for_nothing_stop_no_other_rule() -> None:
    def nothing(shelf: Shelf) -> None:
        for name in shelf["profiles"]:
            for granted in (shelf["profiles"][name], shelf["profiles"][name]["may_add"]):
                granted.update(groups=["No"], managed_policies=[f"{AWS_POLICY}No"], policy_templates=["No"])
            shelf["profiles"][name]["boundary"] = "no"
        shelf["managed_policies"][POWER]["comes_with"] = ["No"]
        shelf["groups"]["Auditors"]["managed_policies"] = [f"{AWS_POLICY}No"]

    assert len([problem for problem in problems(nothing) if "there is no" in problem]) >= 7 * 5
