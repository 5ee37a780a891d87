"""A profile that needs no approval."""

from typing import Any

from local.client import wait_for
from tests.workflow import evidence, people


def test_a_developer_is_onboarded_without_anybody_deciding(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "developer", tags={"cost-center": "4711"})
    people.awaited(onboarding, "PENDING_MFA")
    assert evidence.boundary(onboarding) == evidence.BOUNDARIES["enrolling"]
    assert evidence.policies(onboarding) == {"AssumeResourceCreatorRole", "GatehouseEnd"}
    assert evidence.groups(onboarding) == {"gatehouse-users"}
    assert evidence.access_keys(onboarding) == []

    answer = people.claim(onboarding, people.link(onboarding))
    assert answer.status == 200
    assert answer.json.keys() == {"kind", "user_name", "sign_in_url", "password", "reset_required"}
    assert (answer.json["kind"], answer.json["reset_required"]) == ("console_password", True)
    assert people.password_is(onboarding, answer.json["password"])

    serial = people.enrol(onboarding)
    record = evidence.completed(onboarding)
    assert evidence.has_password(onboarding)
    assert evidence.policies(onboarding) == {"AssumeResourceCreatorRole", "GatehouseEnd"}
    assert evidence.access_keys(onboarding) == []
    assert record["evidence"] | {"serial_number": serial, "enrolled_by_user": True} == record["evidence"]
    assert people.mails(onboarding, "Approval wanted") == []
    assert len(people.mails(onboarding, "Your AWS account access", onboarding.email)) == 1
    assert evidence.states(onboarding) == [
        "ValidateRequest",
        "ApprovalNeeded",
        "CreateUser",
        "PasswordNeeded",
        "IssuePassword",
        "AttachPolicies",
        "MfaNeeded",
        "SendSignInInstructions",
        "AwaitMfa",
        "CompleteOnboarding",
    ]


def test_the_api_tells_the_story_of_a_developer_from_request_to_evidence(stack: dict[str, Any]) -> None:
    onboarding = people.requested(stack, "told")
    people.awaited(onboarding, "PENDING_MFA")
    people.enrol(onboarding)
    evidence.completed(onboarding)

    told = people.call(stack, "requester", "GET", onboarding.path).json
    assert (told["onboarding_id"], told["status"]) == (onboarding.id, "COMPLETE")
    events = [entry["event"] for entry in told["timeline"]]
    assert events[0] == "requested"
    assert events[-1] == "mail_sent"
    assert events.index("create_user") < events.index("mfa_device_enabled") < events.index("complete")

    def listed() -> list[dict[str, Any]]:
        path = f"/onboardings?user_name={onboarding.user_name}"
        found: list[dict[str, Any]] = people.call(stack, "approver", "GET", path).json["items"]
        return found

    assert [item["onboarding_id"] for item in wait_for(listed, "the onboarding in the list")] == [onboarding.id]
