"""The demo tells an onboarding as it happens, and what is wrong with a request that cannot be onboarded."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import attempts, demo, people, story
from local import stack as local_stack
from local.client import Answer, Person, claim, principal, wait_for


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """What `python -m local.demo` with these arguments prints, and how it ends."""

    def ended(*arguments: object) -> Ended:
        monkeypatch.setattr("sys.argv", ["demo", *map(str, arguments)])
        monkeypatch.setattr("signal.signal", lambda *_: None)
        status: Any = 0
        try:
            demo.main()
        except SystemExit as end:
            status = end.code
        return Ended(status, *capsys.readouterr())

    return ended


@pytest.fixture
def on_stack(monkeypatch: pytest.MonkeyPatch, stack: dict[str, Any]) -> dict[str, Any]:
    """The shared stack, which the demo takes for one that somebody left running."""
    monkeypatch.setattr(local_stack, "running", lambda _: stack)
    return stack


def request(tmp_path: Path, **fields: Any) -> Path:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(fields))
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        (b'{"user_name": "x",}', "must be JSON; line 1, column 19"),
        (b"\xff\xfe", "must be UTF-8"),
    ],
)
def test_a_file_that_holds_no_json_is_refused_before_anything_is_started(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    monkeypatch.setattr(local_stack, "running", lambda _: pytest.fail("no stack is needed to see that"))
    path = tmp_path / "request.json"
    if content is not None:
        path.write_bytes(content)
    ended = run(path)
    assert ended.status == 2
    assert ended.err.startswith(f"{path}: {said}")


def test_a_refused_request_is_told_field_by_field(run: Run, on_stack: dict[str, Any], tmp_path: Path) -> None:
    path = request(tmp_path, user_name="1x", email="x@example.com", profile="developer", colour="red")
    ended = run(path)
    assert ended.status == 2
    first, *fields = ended.err.splitlines()
    assert first == f"{path} is refused:"
    assert any(line.split()[0] == "colour" and "not a field" in line for line in fields)
    assert any(line.split()[0] == "user_name" and "begin with a letter" in line and '"1x"' in line for line in fields)
    assert "Traceback" not in ended.out + ended.err


def test_a_name_that_is_taken_is_a_problem_of_ones_own_request(
    run: Run, on_stack: dict[str, Any], tmp_path: Path
) -> None:
    taken = on_stack["principals"]["operator"]["arn"].rsplit("/", 1)[-1]
    ended = run(request(tmp_path, user_name=taken, email="x@example.com", profile="developer"))
    assert ended.status == 2
    assert taken in ended.err


def test_the_built_in_request_is_told_in_order_and_as_plain_text_again_and_again(
    run: Run, on_stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = []

    def overheard(stack: Any, token: str, code: str) -> Answer:
        answer = claim(stack, token, code)
        passwords.extend(answer.json[name] for name in ("password", "secret_access_key") if name in answer.json)
        return answer

    monkeypatch.setattr(story, "claim", overheard)
    first, second = run(), run()
    assert [first.status, second.status] == [0, 0], first.err + second.err
    told = (
        "requested by requester@example.com", "RequestApproval", "mail sent: approval wanted", "403 Forbidden",
        "approved by approver@example.com", "approved by second-approver@example.com", "CreateUser", "IssuePassword",
        "AwaitMfa", "To: dana@example.com", "POST claim", "a second time: 410", "Before MFA", "explicit deny",
        "MFA device enabled",
        "CompleteOnboarding done", "CLI profile", "After MFA", "The evidence record", "COMPLETE in",
    )  # fmt: skip
    rest = first.out
    for what in told:
        assert what in rest, f"{what} is missing, or told too early"
        rest = rest[rest.index(what) :]
    assert "\x1b" not in first.out
    assert len(passwords) == 4
    assert not [secret for secret in passwords if secret in first.out + second.out]
    assert "dana.migration-" in second.out


def test_who_asks_for_the_console_only_leaves_no_key_behind(run: Run, on_stack: dict[str, Any], tmp_path: Path) -> None:
    ended = run(request(tmp_path, user_name="demo.console", email="demo@example.com", profile="developer"))
    assert ended.status == 0, ended.err
    assert "become ResourceCreatorRole" in ended.out
    keys = principal(on_stack, "admin").aws("iam").list_access_keys(UserName="demo.console")["AccessKeyMetadata"]
    assert keys == []


def test_a_guard_that_lets_something_through_fails_the_demo(
    run: Run, on_stack: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lenient(attempt: attempts.Attempt, person: Person) -> attempts.Outcome:
        return attempts.Outcome(True, "")

    monkeypatch.setattr(attempts, "outcome", lenient)
    ended = run(request(tmp_path, user_name="demo.open", email="demo@example.com", profile="developer"))
    assert ended.status == 1
    assert "list S3 buckets" in ended.err
    assert "SHOULD NOT BE" in ended.out


def test_ctrl_c_cancels_the_onboarding(
    run: Run, on_stack: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(story, "_claim_password", interrupted)
    ended = run(request(tmp_path, user_name="demo.stopped", email="demo@example.com", profile="developer"))
    assert (ended.status, ended.err) == (130, "stopped\n")
    requester = principal(on_stack, "requester")
    found = requester.get("/onboardings?user_name=demo.stopped").json["items"][0]["onboarding_id"]
    wait_for(lambda: people.record(requester, found)["status"] == "CANCELLED", "CANCELLED")
