"""What IAM demands of the documents, and what a reader may rely on."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.policies.documents import guard_documents, load_template, pseudo_parameters, statements

DEFAULTS = ("BoundaryEnrolling", "BoundaryMember", "BoundaryRole", "BoundaryApplication")
NARROWER = ("BoundaryMemberOneRegion",)
BOUNDARIES = (*DEFAULTS, *NARROWER)
RESTRAINTS = ("Restricted", "Suspended")
# IAM counts the characters of a managed policy without white space.
QUOTA = 6144
# IAM refuses a policy that names another of its own resources, or names it by a wildcard.
IAM_RESOURCE = re.compile(r"arn:[a-z-]+:iam::(\*|\d{12}):(user|group|role|policy|mfa)/\S+$")


def size(document) -> int:
    return len(re.sub(r"\s", "", json.dumps(document, separators=(",", ":"))))


def listed(value) -> list[str]:
    return value if isinstance(value, list) else [value]


def resources(document) -> Iterator[str]:
    for statement in document["Statement"]:
        yield from listed(statement.get("Resource", []))
        yield from listed(statement.get("NotResource", []))


def test_no_boundary_is_forgotten_here():
    assert {name for name in guard_documents() if name.startswith("Boundary")} == set(BOUNDARIES)


@pytest.mark.parametrize("name", NARROWER)
def test_a_narrower_boundary_holds_the_whole_guard_of_members(name: str):
    documents = guard_documents()
    assert statements(documents["BoundaryMember"]).items() <= statements(documents[name]).items()


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_boundary_leaves_a_tenth_of_the_quota_free(name: str):
    assert size(guard_documents("gatehouse-production")[name]) <= QUOTA * 0.9


@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_boundary_fits_whatever_the_stack_is_called_and_wherever_it_is(name: str):
    assert size(guard_documents("g" * 40, "aws-us-gov")[name]) <= QUOTA


@pytest.mark.parametrize("name", RESTRAINTS)
def test_what_restricts_and_suspends_fits_whatever_the_stack_is_called(name: str):
    assert size(guard_documents("g" * 40, "aws-us-gov")[name]) <= QUOTA


@pytest.mark.parametrize("name", [*BOUNDARIES, "SelfService"])
def test_every_statement_has_a_name_of_its_own(name: str):
    document = guard_documents()[name]
    assert len(statements(document)) == len(document["Statement"])
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in statements(document))


@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_boundary_allows_everything_once_and_then_only_denies(name: str):
    first, *rest = guard_documents()[name]["Statement"]
    assert (first["Effect"], first["Action"], first["Resource"]) == ("Allow", "*", "*")
    assert {statement["Effect"] for statement in rest} == {"Deny"}


def test_statements_of_the_same_name_are_the_same_in_every_boundary():
    documents = guard_documents()
    known = {}
    for name in BOUNDARIES:
        for sid, statement in statements(documents[name]).items():
            assert known.setdefault(sid, statement) == statement
    shared = set.intersection(*(set(statements(documents[name])) for name in BOUNDARIES))
    assert {"IdentitiesStay", "TheStackIsReadOnly", "NoRoleWithoutTheGuard"} <= shared


@pytest.mark.parametrize("name", [*BOUNDARIES, *RESTRAINTS])
def test_mfa_is_only_asked_for_with_bool_if_exists(name: str):
    for statement in guard_documents()[name]["Statement"]:
        for operator, keys in statement.get("Condition", {}).items():
            assert "aws:MultiFactorAuthPresent" not in keys or operator == "BoolIfExists"


@pytest.mark.parametrize("name", [*BOUNDARIES, "SelfService"])
def test_iam_accepts_the_resources_that_are_its_own(name: str):
    own = [resource for resource in resources(guard_documents()[name]) if ":iam:" in resource]
    assert own
    assert all(IAM_RESOURCE.match(resource) for resource in own)


@pytest.mark.parametrize("name", [*BOUNDARIES, "SelfService"])
def test_no_variable_of_the_template_is_left_in_a_document(name: str):
    text = json.dumps(guard_documents()[name])
    assert set(re.findall(r"\$\{([^}]+)\}", text)) <= {"aws:username"}
    assert "AWS::" not in text


@pytest.mark.parametrize("name", [*BOUNDARIES, *RESTRAINTS, "SelfService", "GatehouseUsersGroup"])
def test_the_guard_outlives_the_stack(name: str):
    resource = load_template(pseudo_parameters())["Resources"][name]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert resource["Properties"]["Path"] == "/gatehouse/"
