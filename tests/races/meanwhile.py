"""What may happen while an onboarding is under way, between any two of its calls of AWS.

Each of them is what one person, one event or one schedule does, whole; some say afterwards what must now hold.
"""

import contextlib
import json
from collections.abc import Callable
from typing import Any

from gatehouse.model import Onboarding, Status
from tests.faults import inventory
from tests.faults.kinds import Crash
from tests.faults.scenarios import TRIES, People
from tests.faults.world import World
from tests.unit import account as accounts
from tests.unit.account import APPROVER, REQUESTER, SECOND_APPROVER

A_WEEK_AND_A_DAY = 8 * 86_400
DEVICE = "phone"


class Scene:
    """One onboarding with everybody around it; `forbidden` are ends that somebody was told it will not come to.

    `account` keeps the account standing for as long as anybody looks at it.
    """

    def __init__(self, world: World, people: People) -> None:
        self.world, self.people = world, people
        self.forbidden: set[Status] = set()
        self.events: dict[str, Any] = {}
        self.account = contextlib.ExitStack()
        self._remember_events()

    @property
    def machines(self) -> Any:
        """The interpreter, for what somebody does in the Step Functions console."""
        return self.world._stepfunctions

    @property
    def record(self) -> Onboarding | None:
        return self.people.record()

    @property
    def has_user(self) -> bool:
        return inventory.user(self.people.user_name) is not None

    def ask(self, stem: str, body: Any = None, caller: str = REQUESTER) -> accounts.Answer | None:
        """What somebody asks the API about this onboarding, if it has an id yet."""
        if self.record is None:
            return None
        given = None if body is None else json.dumps(body)
        return self.world.ask(stem, given, caller=caller, pathParameters={"id": self.record.onboarding_id})

    def call(self, stem: str, event: Any) -> None:
        """A function that is called beside the machine; whoever called it sees to its failure."""
        with contextlib.suppress(Exception):
            self.world.call(stem, event)

    def _remember_events(self) -> None:
        original = self.world.account.call

        def call(stem: str, event: Any) -> Any:
            self.events[stem] = event
            return original(stem, event)

        self.world.account.call = call  # type: ignore[method-assign]


def enrols(scene: Scene) -> None:
    """A device is there; nobody is told."""
    found = inventory.user(scene.people.user_name)
    if found and found["login_profile"] and not found["devices"]:
        scene.world.account.enrol(DEVICE, scene.people.user_name)


def enrols_and_is_told(scene: Scene) -> None:
    enrols(scene)
    is_told(scene)


def is_told(scene: Scene) -> None:
    """The event, which may also come before its time, or once more."""
    event = accounts.event("mfa_device_enabled")
    serial = f"arn:aws:iam::{accounts.ACCOUNT}:mfa/{DEVICE}"
    event["detail"]["requestParameters"] = {"userName": scene.people.user_name, "serialNumber": serial}
    scene.call("mfa_device_enabled", event)


def follows_up(scene: Scene) -> None:
    scene.call("follow_up", accounts.event("follow_up"))


def is_deleted(scene: Scene) -> None:
    """An administrator deletes the user by hand, with everything that hangs on it."""
    iam, name = scene.world.account.iam, scene.people.user_name
    if not scene.has_user:
        return
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_login_profile(UserName=name)
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for device in iam.list_mfa_devices(UserName=name)["MFADevices"]:
        iam.deactivate_mfa_device(UserName=name, SerialNumber=device["SerialNumber"])
        iam.delete_virtual_mfa_device(SerialNumber=device["SerialNumber"])
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    for attached in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=attached["PolicyArn"])
    for group in iam.list_groups_for_user(UserName=name)["Groups"]:
        iam.remove_user_from_group(UserName=name, GroupName=group["GroupName"])
    iam.delete_user(UserName=name)


def runs_out(scene: Scene) -> None:
    """All time that anybody had is over."""
    scene.world.clock.advance(A_WEEK_AND_A_DAY)


def is_cancelled(scene: Scene) -> None:
    answer = scene.ask("cancel_onboarding")
    if answer and answer.status == 202:
        scene.forbidden.add(Status.COMPLETE)


def is_stopped(scene: Scene) -> None:
    """The execution is stopped in the console, and the step that was under way comes no further."""
    record = scene.record
    if record is None or record.execution_arn is None or record.status.is_final:
        return
    running = [one for one in scene.world.executions() if one["executionArn"] == record.execution_arn]
    if running and running[0]["status"] == "RUNNING":
        scene.machines._stop_execution({"executionArn": record.execution_arn})
        scene.world.settle()
        if scene.world.line.running and scene.world.line.running[-1] in accounts.STEPS:
            raise Crash("stopped")


def runs_twice(scene: Scene) -> None:
    """Lambda runs the step that is under way once more, beside itself."""
    stem = scene.world.line.running[-1] if scene.world.line.running else ""
    if stem in (*accounts.STEPS, "request_approval", "roll_back"):
        scene.call(stem, scene.events[stem])


def is_woken(scene: Scene) -> None:
    """Somebody answers the task token without a reason."""
    if scene.record and scene.record.task_token:
        scene.machines._send_task_success({"taskToken": scene.record.task_token, "output": "{}"})


def resends(scene: Scene) -> None:
    answer = scene.ask("resend_instructions")
    if answer and answer.status == 200:
        scene.people.code = answer.json["claim_code"]
        # Who has just done so does not do it again for the user whose link it withdrew.
        scene.people.tried["resend"] = TRIES


def claims(scene: Scene) -> None:
    """Whoever has link and code is quick, or tries once more."""
    links = scene.world.mails_with_links()
    if not (links and scene.people.code):
        return
    body = {"token": links[-1][1], "code": scene.people.code}
    answer = scene.world.ask("claim_secret", json.dumps(body), caller="")
    if answer.status == 200:
        scene.people.claimed[body["token"]] = answer.json


def asks_for_the_same_name(scene: Scene) -> None:
    """Somebody else wants a user of that name: there is no second one as long as there is the first."""
    name = scene.people.user_name
    body = dict(scene.people.request) | {"user_name": name.upper()}
    if not (scene.has_user or f"user#{name.lower()}" in inventory.rows()):
        return
    answer = scene.world.ask("submit_onboarding", json.dumps(body), caller="second-requester@example.com")
    if answer.status == 202:
        scene.world.wrong.append("a second onboarding for one name was accepted")


def is_approved(scene: Scene) -> None:
    scene.ask("decide_onboarding", {"decision": "approve", "reason": "known"}, APPROVER)


def is_rejected(scene: Scene) -> None:
    answer = scene.ask("decide_onboarding", {"decision": "reject", "reason": "unknown"}, SECOND_APPROVER)
    if answer and answer.status == 200:
        scene.forbidden |= {Status.COMPLETE, Status.EXPIRED, Status.FAILED}


Happening = Callable[[Scene], None]

ON_THE_WAY: dict[str, Happening] = {
    "enrols": enrols,
    "enrols and is told": enrols_and_is_told,
    "is told": is_told,
    "follows up": follows_up,
    "is deleted": is_deleted,
    "runs out": runs_out,
    "is cancelled": is_cancelled,
    "is stopped": is_stopped,
    "runs twice": runs_twice,
    "is woken": is_woken,
    "resends": resends,
    "claims": claims,
    "asks for the same name": asks_for_the_same_name,
}
DECIDING: dict[str, Happening] = {
    "is approved": is_approved,
    "is rejected": is_rejected,
    "runs out": runs_out,
    "is cancelled": is_cancelled,
    "follows up": follows_up,
    "is woken": is_woken,
    "runs twice": runs_twice,
}
REPLACED = "the password that was revealed does not open the login profile"
"""What nobody may complain of who claims while one of these happens."""

REPLACES_IT = {"resends", "is deleted", "is stopped", "is cancelled", "runs out"}

ENDS_IT = {"is deleted", "runs out", "is cancelled", "is stopped", "is rejected"}
"""Whatever else happens, the onboarding completes."""
OF_SEVERAL_CALLS = {
    "enrols and is told", "is told", "follows up", "is cancelled", "runs twice", "resends", "claims",
    "asks for the same name", "is approved", "is rejected",
}  # fmt: skip
"""What may stand still between two of its own calls."""
