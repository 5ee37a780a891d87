"""Whatever people, time and machines do, and in whatever order, what was promised holds; and everything ends.

Hypothesis makes up stories. Functions run as Lambda runs them, the machines as they are defined; between any two states
anybody may do anything. HYPOTHESIS_PROFILE=thorough tells many more stories.
"""

import random
import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moto.iam.models import iam_backends

from gatehouse import claims, records
from gatehouse.model import Onboarding, Status
from tests.unit import promises
from tests.unit.account import (
    ACCOUNT,
    APPROVER,
    OPERATOR,
    REQUESTER,
    SECOND_APPROVER,
    SECURITY_APPROVER,
    Account,
    Answer,
    arn_of,
    event,
)
from tests.unit.executions import Execution, StepFunctions

FreshAccount = Callable[[pytest.MonkeyPatch], AbstractContextManager[Account]]

PEOPLE = ("requester", "operator", "stranger@example.com", APPROVER, SECOND_APPROVER, SECURITY_APPROVER)
SOMEBODY = some.sampled_from(PEOPLE)
WANTED = some.fixed_dictionaries(
    {
        # Two of them are one name to IAM.
        "user_name": some.sampled_from(("alice", "bob", "Alice")),
        "profile": some.sampled_from(("developer", "power-user", "migration-admin")),
        "access": some.sampled_from((["console"], ["console", "programmatic"], ["programmatic"])),
    }
)
WHICH = some.integers(0, 2)
"""Which of those that are in question, the newest first."""
DAY = 86_400
PAUSES = some.sampled_from((5, 61, 3_600, 3_600, DAY + 1, 3 * DAY + 1, 7 * DAY + 1))
DEPTHS = some.sampled_from(("MFA wanted", "complete", "approval wanted", "nothing"))
ROUNDS = 12
"""Runs of the follow-up, each a week after the last, by which everything has ended."""
MOST_STATES = 60
"""That an execution goes through between two waits, its retries included."""


class Stories(RuleBasedStateMachine):
    """`revealed` says of every token that was mailed how often it has revealed something."""

    fresh_account: FreshAccount

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        patch = self._open.enter_context(pytest.MonkeyPatch.context())
        # A story that is told again goes the same way: Hypothesis seeds `random`, and nothing else.
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128), version=4))
        patch.setattr(claims, "new_token", lambda: f"{random.getrandbits(128):043x}")
        self.aws = self._open.enter_context(type(self).fresh_account(patch))
        self.machines = StepFunctions(self.aws)
        self.statuses: dict[str, Status] = {}
        self.secrets: set[str] = set()
        self.revealed: dict[str, int] = {}
        self.devices = 0

    @initialize(wanted=WANTED, depth=DEPTHS, by=some.sampled_from((REQUESTER, APPROVER)))
    def it_begins(self, wanted: dict[str, Any], depth: str, by: str) -> None:
        """A story may begin where it gets interesting."""
        self.somebody_asks(wanted, by)
        if depth == "nothing":
            return
        self.it_goes_on_until_it_waits(0)
        if depth == "approval wanted":
            return
        for person in self.record(0).approval.entitled[: self.record(0).approval.needed]:
            self.somebody_decides(0, person, "approve")
        self.it_goes_on_until_it_waits(0)
        if depth == "MFA wanted":
            return
        self.the_user_enrols(0, is_reported=True)
        self.it_goes_on_until_it_waits(0)

    # What people do through the API.

    @rule(wanted=WANTED, by=some.sampled_from((REQUESTER, APPROVER, OPERATOR)))
    def somebody_asks(self, wanted: dict[str, Any], by: str) -> None:
        before = records.holder(self.aws.table, wanted["user_name"])
        body = {**wanted, "email": "user@example.com", "justification": "joins"}
        answer = self.aws.api("submit_onboarding", body, caller=by, headers={})
        assert answer.status in (202, 400, 409), answer.body
        if answer.status == 202:
            assert before is None
            self.statuses[answer.json["onboarding_id"]] = Status.REQUESTED

    @rule(which=WHICH, by=SOMEBODY, choice=some.sampled_from(("approve", "approve", "reject")))
    def somebody_decides(self, which: int, by: str, choice: str) -> None:
        before, person, answer = self._ask("decide_onboarding", which, by, decision=choice, reason="so be it")
        if answer.status == 200:
            assert person in before.approval.entitled
            assert person != before.requester.person
            assert before.status is Status.PENDING_APPROVAL
            assert before.cancelled_by is None
            assert self.aws.clock.now() < str(before.approval_expires_at)
        else:
            assert answer.status in (403, 409), answer.body

    @rule(which=WHICH, by=SOMEBODY)
    def somebody_cancels(self, which: int, by: str) -> None:
        before, person, answer = self._ask("cancel_onboarding", which, by)
        if person in (before.requester.person, OPERATOR):
            assert answer.status == (409 if before.status.is_final else 202)
        else:
            assert answer.status == 403

    @rule(which=WHICH, by=SOMEBODY)
    def somebody_wants_it_sent_again(self, which: int, by: str) -> None:
        before, person, answer = self._ask("resend_instructions", which, by)
        if answer.status == 200:
            assert person in (before.requester.person, OPERATOR)
            assert before.status is Status.PENDING_MFA
            assert before.cancelled_by is None

    @rule(which=WHICH, by=SOMEBODY, what=some.sampled_from(("password", "access_key")))
    def somebody_wants_it_replaced(self, which: int, by: str, what: str) -> None:
        before, person, answer = self._ask("reissue_secret", which, by, what=what, reason="lost")
        if answer.status == 200:
            assert person == OPERATOR
            assert before.status is Status.COMPLETE

    @rule(which=WHICH, by=SOMEBODY)
    def somebody_wants_mfa_reset(self, which: int, by: str) -> None:
        before, person, answer = self._ask("request_mfa_reset", which, by, reason="phone is lost")
        if answer.status == 202:
            assert person == OPERATOR
            assert before.status is Status.COMPLETE
            self.statuses[answer.json["onboarding_id"]] = Status.REQUESTED
        else:
            assert answer.status in (403, 409), answer.body

    # What the user does.

    @precondition(lambda self: bool(self.links()))
    @rule(which=WHICH, is_right=some.sampled_from((True, True, False)))
    def the_user_claims(self, which: int, is_right: bool) -> None:
        link = _one(self.links(), which)
        row = self.aws.table.get(records.claim_key(claims.token_hash(link)))
        assert row is not None
        before = self.aws.record(row["onboarding_id"])
        code = self._code(row) if is_right else "AAAAAAAA"
        answer = self.aws.api("claim_secret", {"token": link, "code": code})
        if answer.status != 200:
            assert answer.status in ((410,) if is_right else (403, 410)), answer.body
            return
        self.revealed[link] = self.revealed.get(link, 0) + 1
        assert is_right
        assert self.revealed[link] == 1
        assert row["expires_at"] > self.aws.clock.now()
        assert before.cancelled_by is None
        assert before.claims.get(row["kind"]) == claims.token_hash(link)
        user = promises.users().get(before.user_name)
        if "password" in answer.json and user is not None and promises.tag(before.user_name) == before.made_by:
            assert answer.json["password"] == user.password

    @precondition(lambda self: bool(promises.users()))
    @rule(which=WHICH, is_reported=some.booleans())
    def the_user_enrols(self, which: int, is_reported: bool) -> None:
        name = _one(list(promises.users()), which)
        self.devices += 1
        serial = self.aws.enrol(f"phone-{self.devices}", name)
        if is_reported:
            told = event("mfa_device_enabled")
            told["detail"]["requestParameters"] = {"userName": name, "serialNumber": serial}
            told["detail"]["userIdentity"]["arn"] = arn_of(f"gatehouse/{name}")
            self.aws.call("mfa_device_enabled", told)

    # What an administrator does by hand, and what goes by itself.

    @precondition(lambda self: bool(promises.users()))
    @rule(which=WHICH)
    def somebody_deletes_the_user(self, which: int) -> None:
        iam = iam_backends[ACCOUNT]["aws"]
        gone = iam.users.pop(_one(list(promises.users()), which))
        iam.tagger.delete_all_tags_for_resource(gone.arn)
        for group in iam.groups.values():
            group.users = [user for user in group.users if user is not gone]
        for serial in gone.mfa_devices:
            iam.virtual_mfa_devices.pop(serial, None)

    @precondition(lambda self: bool(self.running()))
    @rule(which=WHICH, is_reported=some.booleans())
    def somebody_stops_the_execution(self, which: int, is_reported: bool) -> None:
        execution = _one(self.running(), which)
        self.machines.stop(execution)
        if is_reported:
            self._report(execution)

    @precondition(lambda self: bool(self.running()))
    @rule(which=WHICH)
    def it_goes_on_by_a_state(self, which: int) -> None:
        self._go_on(_one(self.running(), which))

    @precondition(lambda self: bool(self.running()))
    @rule(which=WHICH)
    def it_goes_on_until_it_waits(self, which: int) -> None:
        execution = _one(self.running(), which)
        for _ in range(MOST_STATES):
            if execution.status != "RUNNING" or execution.waits:
                return
            self._go_on(execution)
        raise AssertionError(f"{execution.arn} goes on for ever")

    @rule(pause=PAUSES)
    def time_passes(self, pause: int) -> None:
        self.aws.clock.advance(pause)
        for execution in self.running():
            # A task whose time is over fails at once, whoever else comes.
            if execution.waits and str(execution.deadline) <= self.aws.clock.now():
                self._go_on(execution)

    @rule()
    def the_follow_up_runs(self) -> None:
        self.aws.call("follow_up", event("follow_up"))

    @precondition(lambda self: bool(self.machines.invoked))
    @rule()
    def what_was_invoked_runs(self) -> None:
        """Lambda tries an asynchronous call three times in all."""
        waiting, self.machines.invoked[:] = list(self.machines.invoked), []
        for stem, given in waiting:
            for _ in range(3):
                with suppress(Exception):
                    self.aws.call(stem, given)
                    break

    @invariant()
    def what_was_promised_holds(self) -> None:
        self.secrets |= set(promises.secrets_now())
        assert list(promises.broken(self.aws, self.statuses, self.secrets)) == []
        self.statuses = {name: record.status for name, record in promises.all_records(promises.rows()).items()}

    def teardown(self) -> None:
        """In the end nobody does anything any more, and everything ends."""
        with self._open:
            for _ in range(ROUNDS):
                if all(status.is_final for status in self.statuses.values()):
                    return
                self.time_passes(7 * DAY)
                self.the_follow_up_runs()
                for number in range(len(self.running())):
                    self.it_goes_on_until_it_waits(number)
                self.what_was_invoked_runs()
                self.what_was_promised_holds()
            raise AssertionError(f"not everything ends: {self.statuses}")

    def record(self, which: int) -> Onboarding:
        return self.aws.record(_one(list(self.statuses), which))

    def running(self) -> list[Execution]:
        return [one for one in self.machines.executions.values() if one.status == "RUNNING"]

    def links(self) -> list[str]:
        """The tokens in the mails that were sent."""
        return re.findall(r"/claim#(\S{43})$", "\n".join(mail["text"] for mail in self.aws.mails()), re.MULTILINE)

    def _ask(self, stem: str, which: int, by: str, **body: Any) -> tuple[Onboarding, str, Answer]:
        """The record as it stood, who asked, and the answer."""
        before = self.record(which)
        person = {"requester": str(before.requester.person), "operator": OPERATOR}.get(by, by)
        path = {"id": before.onboarding_id}
        return before, person, self.aws.api(stem, body or None, caller=person, pathParameters=path, headers={})

    def _code(self, claim: dict[str, Any]) -> str:
        """What the requester, or the operator, was told."""
        kms = SimpleNamespace(generate_mac=lambda **asked: self.aws.wire.standing["GenerateMac"](asked))
        return claims.code(kms, "", claim["onboarding_id"], int(claim["generation"]))

    def _go_on(self, execution: Execution) -> None:
        self.machines.go_on(execution)
        if execution.status == "FAILED":
            self._report(execution)

    def _report(self, execution: Execution) -> None:
        """EventBridge tells of an execution that ended otherwise than well."""
        told = event("execution_ended")
        error, cause = execution.failure or (None, None)
        told["detail"] |= {
            "executionArn": execution.arn,
            "name": execution.name,
            "status": execution.status,
            "error": error,
            "cause": cause,
        }
        self.aws.call("execution_ended", told)


def _one(candidates: list[Any], which: int) -> Any:
    """The newest is 0; further back there may be fewer."""
    return candidates[-1 - which % len(candidates)]


# To tell a story that goes wrong as shortly as possible takes minutes.
@pytest.mark.timeout(900)
def test_whatever_happens_what_was_promised_holds_and_everything_ends(another_account: FreshAccount) -> None:
    class InAnAccountOfItsOwn(Stories):
        fresh_account = staticmethod(another_account)

    # A story takes as long as some examples of other tests.
    stories = settings(
        max_examples=settings().max_examples // 8, stateful_step_count=40, suppress_health_check=[*HealthCheck]
    )
    run_state_machine_as_test(InAnAccountOfItsOwn, settings=stories)
