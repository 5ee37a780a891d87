"""The stories that are told with faults: what people do, and how the story may end."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatehouse.model import Onboarding, Purpose, Status
from tests.faults import inventory
from tests.faults.kinds import Call
from tests.faults.world import World
from tests.unit import account as accounts
from tests.unit.account import APPROVER, OPERATOR, REQUESTER

TRIES = 3


@dataclass
class People:
    """Everybody around one onboarding. What they do returns whether there was anything to do for them."""

    world: World
    request: Mapping[str, Any]
    enrols: bool = True
    tells: bool = True
    of: str | None = None
    code: str | None = None
    device: str = "phone"
    claimed: dict[str, Any] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    tried: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def user_name(self) -> str:
        return str(self.request["user_name"])

    def record(self) -> Onboarding | None:
        return self.world.record(self.user_name, Purpose.MFA_RESET if self.of else Purpose.ONBOARDING)

    @property
    def onboarding_id(self) -> str | None:
        record = self.record()
        return record.onboarding_id if record else None

    def act(self) -> bool:
        return self._ask() or self._approve() or self._claim() or self._enrol()

    def have_patience_again(self) -> None:
        self.tried.clear()

    def _ask(self) -> bool:
        """With an Idempotency-Key, so that who is not answered may ask again."""
        if self.code is not None or not self._may_try("ask"):
            return False
        headers = {"Idempotency-Key": "one-request"}
        if self.of is None:
            answer = self.world.ask("submit_onboarding", dict(self.request), caller=REQUESTER, headers=headers)
        else:
            reset = {"pathParameters": {"id": self.of}, "headers": headers}
            answer = self.world.ask("request_mfa_reset", {"reason": "lost the phone"}, caller=OPERATOR, **reset)
        if answer.status == 202:
            self.code = answer.json["claim_code"]
            self.world.secrets.add(str(self.code))
        elif answer.status < 500:
            self.refused.append(f"the request was answered {answer.status}: {answer.body}")
        self.world.clock.advance(0 if self.code else 5)
        return True

    def cancel(self) -> None:
        self._api("cancel_onboarding", None, REQUESTER)

    def _approve(self) -> bool:
        record = self.record()
        if record is None or record.status is not Status.PENDING_APPROVAL or not self._may_try("approve"):
            return False
        if (record.approval_expires_at or "") <= self.world.clock.now():
            return False
        body = {"decision": "approve", "reason": "known"}
        self._api("decide_onboarding", body, APPROVER)
        return True

    def _claim(self) -> bool:
        """Whoever has the mail and the code reveals the secret; where the link is dead the requester sends another."""
        links = [
            (token, mail) for mail, token in self.world.mails_with_links()
            if mail["onboarding_id"] == self.onboarding_id and token not in self.claimed and token not in self.dead
        ]  # fmt: skip
        if not links or not self.code or not self._may_try("claim"):
            return False
        token, mail = links[-1]
        answer = self.world.ask("claim_secret", {"token": token, "code": self.code}, caller="")
        if answer.status == 200:
            self.claimed[token] = answer.json
            shown = answer.json
            self.world.secrets |= {shown[name] for name in ("password", "secret_access_key") if name in shown}
            self._require_it_opens(answer.json)
        elif answer.status in (404, 410):
            self.dead.add(token)
            if "access_key" not in mail["mail"]:
                self._resend()
        elif answer.status < 500:
            self.world.wrong.append(f"a claim with the right code was answered {answer.status}: {answer.body}")
        else:
            self.world.clock.advance(5)
        return True

    def _require_it_opens(self, claimed: Mapping[str, Any]) -> None:
        record = self.record()
        if record and "password" in claimed and claimed["password"] != inventory.password(self.user_name):
            self.world.wrong.append("the password that was revealed does not open the login profile")

    def _resend(self) -> None:
        record = self.record()
        if record is None or record.status is not Status.PENDING_MFA or not self._may_try("resend"):
            return
        self.world.clock.advance(120)
        answer = self._api("resend_instructions", None, REQUESTER)
        if answer.status == 200:
            self.code = answer.json["claim_code"]
            self.world.secrets.add(str(self.code))

    def _enrol(self) -> bool:
        """Once signed in with the password that was revealed; CloudTrail tells of it, unless the event gets lost."""
        passwords = {one["password"] for one in self.claimed.values() if "password" in one}
        record = self.record()
        if not self.enrols or record is None or record.status is not Status.PENDING_MFA:
            return False
        if inventory.password(self.user_name) not in passwords or (inventory.user(self.user_name) or {})["devices"]:
            return False
        serial = self.world.account.enrol(self.device, self.user_name)
        if self.tells:
            event = accounts.event("mfa_device_enabled")
            event["detail"]["requestParameters"] = {"userName": self.user_name, "serialNumber": serial}
            self.world.later("mfa_device_enabled", event)
        return True

    def _api(self, stem: str, body: Any, caller: str) -> accounts.Answer:
        given = None if body is None else json.dumps(body)
        return self.world.ask_patiently(stem, given, caller=caller, pathParameters={"id": self.onboarding_id})

    def _may_try(self, what: str) -> bool:
        self.tried[what] = self.tried.get(what, 0) + 1
        return self.tried[what] <= TRIES


@dataclass(frozen=True)
class Scenario:
    """Without a fault it `leaves` this of the user, None for no user. `functions` are those whose calls meet faults
    here, None for all; `complete_as` is the story that tells what is there if it is completed after all.
    """

    name: str
    says: str
    tell: Callable[[World], People]
    leaves: Mapping[str, Any] | None
    functions: Collection[str] | None = None
    complete_as: str | None = None

    def meets(self, call: Call) -> bool:
        return self.functions is None or call.function in self.functions


def _person(world: World, **request: Any) -> People:
    given = {
        "user_name": "alice.developer",
        "email": "alice@example.com",
        "profile": "power-user",
        "access": ["console", "programmatic"],
        "groups": ["Auditors"],
        "policies": ["AssumeResourceCreatorRole"],
        "justification": "moves the data centre",
    }
    people = People(world, given | request)
    world.people = people.act
    return people


def _whole(world: World) -> People:
    people = _person(world)
    world.privileged = people.user_name
    world.everybody_acts()
    return people


def _undone(world: World) -> People:
    """The requester cancels at the last moment, when all that there can be is there."""
    people = _person(world)
    world.privileged = people.user_name
    world.line.meanwhile = _once(Call("complete_onboarding", "sesv2:SendEmail", 1), people.cancel)
    world.everybody_acts()
    return people


def _expired(world: World) -> People:
    """Nobody claims, nobody enrols."""
    people = _person(world, profile="developer", access=["console"], policies=[])
    people.enrols = False
    world.everybody_acts()
    return people


def _unheard(world: World) -> People:
    """CloudTrail's event gets lost: the follow-up finds the device."""
    people = _person(world, profile="auditor", access=["console"], groups=[], policies=[])
    people.tells = False
    world.everybody_acts()
    return people


def _application(world: World) -> People:
    people = People(world, accounts.AS_APPLICATION | {"email": "owner@example.com"})
    world.people = people.act
    world.everybody_acts()
    return people


def _reset(world: World) -> People:
    """A member loses the phone, and gets a new one enrolled."""
    first = _whole(world)
    world.privileged = None
    return _reset_of(world, first)


def _reset_of(world: World, first: People) -> People:
    world.line.before = len(world.line.made)
    people = People(world, first.request, of=first.onboarding_id, device="new-phone")
    world.people = people.act
    world.clock.advance(21 * 86_400)
    world.everybody_acts()
    return people


def _once(at: Call, act: Callable[[], Any]) -> Callable[[Call], None]:
    done: list[Call] = []

    def meanwhile(call: Call) -> None:
        if call == at and not done:
            done.append(call)
            act()

    return meanwhile


MEMBER_WITH_EVERYTHING = {
    "path": "/gatehouse/",
    "boundary": accounts.MEMBER,
    "groups": ["Auditors", "gatehouse-users"],
    "managed_policies": ["arn:aws:iam::aws:policy/PowerUserAccess"],
    "inline_policies": ["AssumeResourceCreatorRole", "DenyBilling", "GatehouseEnd"],
    "login_profile": True,
    "access_keys": 1,
    "devices": 1,
}
SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "whole",
            "a person with approval, console, access key and privileged grants",
            _whole,
            MEMBER_WITH_EVERYTHING | {"described_keys": 1},
        ),
        Scenario(
            "undone",
            "the same, cancelled while it completes",
            _undone,
            None,
            ("cancel_onboarding", "roll_back", "execution_ended"),
            complete_as="whole",
        ),
        Scenario(
            "expired",
            "nobody enrols",
            _expired,
            None,
            ("attach_policies", "await_mfa", "complete_onboarding", "follow_up", "roll_back", "execution_ended"),
        ),
        Scenario(
            "unheard",
            "the event of the enrolment is lost",
            _unheard,
            {"boundary": accounts.MEMBER, "groups": ["gatehouse-users"], "login_profile": True, "devices": 1},
            ("follow_up", "complete_onboarding"),
        ),
        Scenario(
            "application",
            "a program",
            _application,
            {
                "path": "/gatehouse/applications/",
                "boundary": accounts.APPLICATION,
                "groups": [],
                "inline_policies": ["GatehouseEnd", "ReadOwnParameters"],
                "login_profile": False,
                "access_keys": 1,
                "described_keys": 1,
            },
            ("create_user", "attach_policies", "complete_onboarding", "claim_secret"),
        ),
        Scenario(
            "reset",
            "a member's MFA is reset",
            _reset,
            MEMBER_WITH_EVERYTHING,
            (
                "request_mfa_reset",
                "validate_request",
                "reset_mfa",
                "issue_password",
                "await_mfa",
                "complete_onboarding",
            ),
        ),
    )
}
