"""What the emulator adds for those who watch it: mails to read, and functions that fail under their own names."""

from email.message import EmailMessage
from typing import Any

import pytest
import requests

from local import mails


@pytest.fixture
def aws(emulators: dict[str, Any]) -> Any:
    return emulators["mended"]


def test_mails_are_read_decoded_and_oldest_first(aws: Any) -> None:
    aws.client("ses").verify_domain_identity(Domain="example.org")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "gate@example.org", "ünal@example.org", "Grüße"
    message.set_content("Text mit Umlauten: äöü\n" + "x" * 200)
    message.add_alternative("<p>äöü</p>", subtype="html")
    raw = message.as_bytes()
    simple = {"Subject": {"Data": "Zwei"}, "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>html"}}}
    destination = {"ToAddresses": ["you@example.org"]}
    aws.client("ses").send_raw_email(Source="gate@example.org", RawMessage={"Data": raw})
    for content in ({"Simple": simple}, {"Raw": {"Data": raw}}):
        aws.client("sesv2").send_email(FromEmailAddress="gate@example.org", Destination=destination, Content=content)
    first, second, third = requests.get(aws.url + mails.PATH, timeout=5).json()[-3:]
    assert (first["subject"], second["subject"], third["subject"]) == ("Grüße", "Zwei", "Grüße")
    assert "Umlauten: äöü" in first["text"]
    assert "<p>äöü</p>" in third["html"]
    assert (second["from"], second["to"]) == ("gate@example.org", ["you@example.org"])
    assert (second["text"], second["html"]) == ("text", "<p>html")
    assert first["at"] <= second["at"] <= third["at"]


def test_a_function_fails_with_the_class_of_its_exception(aws: Any, function: Any) -> None:
    code = "class UserAlreadyExists(Exception): pass\ndef handler(event, context): raise UserAlreadyExists('ann')"
    assert function(aws.url, code)({})["errorType"] == "UserAlreadyExists"


def test_a_function_calls_aws_with_its_own_role_and_region(aws: Any, function: Any) -> None:
    code = "import boto3\ndef handler(event, context): return boto3.client('sts').get_caller_identity()['Arn']"
    assert function(aws.url, code)({}).startswith("arn:aws:sts::123456789012:assumed-role/")
