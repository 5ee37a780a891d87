"""One onboarding, told act by act while it happens."""

import contextlib
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError

from local import attempts, evidence, people
from local.attempts import Attempt
from local.client import Answer, Person, claim, claim_token, principal, send
from local.screen import Screen
from local.timeline import Timeline, observer

PATIENCE_SECONDS = 60

_POLL_SECONDS = 0.2
_APPROVERS = ("approver", "second_approver")


class Refused(Exception):
    """The API did not admit the request; `answer` is its problem document."""

    def __init__(self, request: Any, answer: Answer) -> None:
        super().__init__(answer.json["detail"])
        self.request = request
        self.answer = answer


class WentWrong(Exception):
    """The onboarding ended otherwise, or the guard let something through."""


@dataclass(frozen=True)
class Stage:
    """What every act needs: who is there, where it is told, and which onboarding it is about."""

    stack: Mapping[str, Any]
    screen: Screen
    requester: Person
    admin: Person
    onboarding_id: str
    claim_code: str
    look: Callable[[], Timeline]

    @property
    def other(self) -> str:
        """A user that the new one has nothing to do with."""
        arn: str = self.stack["principals"]["approver"]["arn"]
        return arn.rsplit("/", 1)[-1]


def tell(stack: Mapping[str, Any], screen: Screen, request: Any, *, may_rename: bool) -> None:
    """Run the onboarding to its end. `may_rename`: a name that is taken gets a number.

    Raises Refused, WentWrong, and TimeoutError when something does not come within a minute.
    """
    stage = _ask(stack, screen, request, may_rename)
    try:
        with screen.live():
            _go_through(stage)
        record = stage.look().record
        screen.heading("The evidence record")
        screen.pairs(evidence.pairs(record))
    except KeyboardInterrupt:
        with contextlib.suppress(OSError, BotoCoreError):
            answer = stage.requester.post(f"/onboardings/{stage.onboarding_id}/cancel")
            screen.say("Cancelled: what there is of it is undone." if answer.status == 202 else answer.json["detail"])
        raise


def _ask(stack: Mapping[str, Any], screen: Screen, request: Any, may_rename: bool) -> Stage:
    requester = principal(stack, "requester")
    screen.heading(f"{_name(stack, 'requester')} asks for a user")
    answer = requester.post("/onboardings", request)
    numbers = itertools.count(2)
    while answer.status == 409 and may_rename:
        numbered = {**request, "user_name": f"{request['user_name']}-{next(numbers)}"}
        answer = requester.post("/onboardings", numbered)
    if answer.status != 202:
        raise Refused(request, answer)
    accepted = answer.json
    operator = principal(stack, "operator")
    look = observer(requester, operator, accepted["onboarding_id"])
    screen.document("POST /onboardings", {**request, "user_name": look().record["user_name"]})
    screen.say(f"202: onboarding {accepted['onboarding_id']}")
    screen.say(f"Claim code {accepted['claim_code']}: for the user, by another channel than the mail.")
    admin = principal(stack, "admin")
    return Stage(stack, screen, requester, admin, accepted["onboarding_id"], accepted["claim_code"], look)


def _go_through(stage: Stage) -> None:
    record = stage.look().record
    if record["approval"]["needed"]:
        _agree(stage, record["approval"]["needed"])
    record = _until(stage, lambda now: now.record["status"] == "PENDING_MFA", "PENDING_MFA").record
    password = _claim_password(stage, record)
    stand_in = _look_around_before_mfa(stage, record, password)
    serial = _enrol(stage, record, stand_in)
    ended = _until(stage, lambda now: not now.running, "the end of the execution")
    _show_mails(stage, record["email"], after=1)
    user = _claim_key(stage, record) if "programmatic" in record["access"] else stand_in
    _look_around_after_mfa(stage, ended.record, user, serial)
    if user is stand_in:
        stage.admin.aws("iam").delete_access_key(UserName=record["user_name"], AccessKeyId=user.access_key_id)
        stage.screen.say("The stand-in key is deleted again.")


def _agree(stage: Stage, needed: int) -> None:
    told = _until(stage, lambda now: _mailed(now, "approval_wanted"), "the mail to the approvers")
    stage.screen.heading(f"{needed} of the approvers have to agree")
    for mail in people.mails_about(stage.stack, stage.onboarding_id):
        stage.screen.mail(mail)
    own = people.decide(stage.requester, stage.onboarding_id, "approve", "my own request")
    stage.screen.say(f"{_name(stage.stack, 'requester')} approves the own request: {own.status} {own.json['title']}.")
    for role in _APPROVERS[:needed]:
        answer = people.decide(
            principal(stage.stack, role), stage.onboarding_id, "approve", "agreed in the weekly call"
        )
        if answer.status != 200:
            raise WentWrong(f"{_name(stage.stack, role)} could not decide: {answer.json['detail']}")
        now = stage.look()
        stage.screen.say(f"{_name(stage.stack, role)} approves: {_counted(now.record)}.")
    if needed > len(_APPROVERS):
        raise WentWrong(f"{told.record['profile']} needs {needed} approvers, this stack has {len(_APPROVERS)}")


def _claim_password(stage: Stage, record: Mapping[str, Any]) -> str:
    stage.screen.heading(f"{record['user_name']} gets a mail and claims the password")
    mail = _show_mails(stage, record["email"], after=0)[-1]
    page = send("GET", stage.stack["claim_url"])
    stage.screen.say(f"The claim page opens ({page.status}): a field and a button. Link and code go in, once:")
    claimed = _claim(stage, mail)
    password: str = claimed["password"]
    shown = {**claimed, "password": _masked(password)}
    stage.screen.document("POST claim", shown)
    stage.screen.say("The password is shown once and in full there; here all but three characters are masked.", "dim")
    again = claim(stage.stack, claim_token(stage.stack, mail), stage.claim_code)
    stage.screen.say(f"The same link and code a second time: {again.status} {again.json['detail']}")
    return password


def _look_around_before_mfa(stage: Stage, record: Mapping[str, Any], password: str) -> Person:
    stage.screen.heading("Before MFA everything but enrolling is refused")
    stand_in = people.stand_in(stage.admin, record["user_name"])
    stage.screen.say(
        "Nobody can sign in to a console here: an access key of the user's own stands in for the console session.",
        "dim",
    )
    tries = attempts.before_mfa(record, stage.other, stage.stack, password)
    _try(stage, tries, {"without MFA": (stand_in, [attempt.allowed for attempt in tries])})
    return stand_in


def _enrol(stage: Stage, record: Mapping[str, Any], user: Person) -> str:
    stage.screen.heading(f"{record['user_name']} enrols MFA")
    serial = people.enrol(user, record["user_name"])
    stage.screen.say(f"A virtual device, enabled with two codes: {serial}")
    stage.screen.say("The emulator takes any two codes; AWS takes what the device shows.", "dim")
    return serial


def _claim_key(stage: Stage, record: Mapping[str, Any]) -> Person:
    stage.screen.heading(f"{record['user_name']} claims the access key")
    mail = next(
        mail
        for mail in people.mails_about(stage.stack, stage.onboarding_id, record["email"])
        if "access key" in mail["subject"]
    )
    claimed = _claim(stage, mail)
    secret: str = claimed["secret_access_key"]
    stage.screen.quote("CLI profile", claimed["cli_config"].replace(secret, _masked(secret)))
    stage.screen.say("The stand-in key is gone: Gatehouse removes keys that it did not hand over.", "dim")
    return Person(stage.stack, claimed["access_key_id"], secret)


def _look_around_after_mfa(stage: Stage, record: Mapping[str, Any], user: Person, serial: str) -> None:
    stage.screen.heading("After MFA: what is open with a code, and what stays refused")
    tries = attempts.after_mfa(record, stage.other, stage.stack)
    session = people.with_code(user, serial)
    columns: dict[str, tuple[Person, Sequence[bool | None]]] = {
        "key alone": (user, [False for _ in tries]),
        "key and MFA code": (session, [attempt.allowed for attempt in tries]),
    }
    _try(stage, tries, columns)


def _try(stage: Stage, tries: Sequence[Attempt], columns: Mapping[str, tuple[Person, Sequence[bool | None]]]) -> None:
    """Show what comes of each attempt for each person, beside what has to."""
    rows, wrong = [], []
    for number, attempt in enumerate(tries):
        row = [attempt.what]
        for person, expected in columns.values():
            outcome = attempts.outcome(attempt, person)
            row.append("allowed" if outcome.allowed else f"refused, {outcome.why}")
            if expected[number] not in (None, outcome.allowed):
                row[-1] += ": SHOULD NOT BE"
                wrong.append(attempt.what)
        rows.append(tuple(row))
    stage.screen.outcomes(["the user tries to", *columns], rows)
    if wrong:
        raise WentWrong(f"the guard did not do what it should: {', '.join(wrong)}")


def _until(stage: Stage, done: Callable[[Timeline], bool], what: str) -> Timeline:
    """Follow the timeline until then."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while True:
        now = stage.look()
        reached = done(now)
        stage.screen.show(now, whole=reached or not now.running)
        if not now.running and now.record["status"] != "COMPLETE":
            raise WentWrong(_end(now.record))
        if reached:
            return now
        if time.monotonic() > patience:
            raise TimeoutError(f"{what}: not within {PATIENCE_SECONDS} s")
        time.sleep(_POLL_SECONDS)


def _end(record: Mapping[str, Any]) -> str:
    return f"the onboarding ended {record['status']}, {record['status_reason']}: {record['status_detail']}"


def _mailed(now: Timeline, name: str) -> bool:
    return any(entry["event"] == "mail_sent" and entry["detail"] == name for entry in now.record["timeline"])


def _show_mails(stage: Stage, to: str, after: int) -> list[dict[str, Any]]:
    """Those to one address, without the first `after` that were shown before."""
    mails = people.mails_about(stage.stack, stage.onboarding_id, to)[after:]
    for mail in mails:
        stage.screen.mail(mail)
    return mails


def _claim(stage: Stage, mail: Mapping[str, Any]) -> dict[str, Any]:
    answer = claim(stage.stack, claim_token(stage.stack, mail), stage.claim_code)
    if answer.status != 200:
        raise WentWrong(f"the claim was refused: {answer.json['detail']}")
    claimed: dict[str, Any] = answer.json
    return claimed


def _counted(record: Mapping[str, Any]) -> str:
    approval = record["approval"]
    return f"{len(approval['decisions'])} of {approval['needed']}, the onboarding is {record['status']}"


def _masked(secret: str) -> str:
    return secret[:3] + "•" * (len(secret) - 3)


def _name(stack: Mapping[str, Any], role: str) -> str:
    arn: str = stack["principals"][role]["arn"]
    return arn.rsplit("/", 1)[-1]
