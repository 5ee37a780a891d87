"""A mail that bounces, or is complained of, is told to EventBridge."""

import json
from typing import Any

import pytest

from tests.local.test_mend_enrolment_events import received


@pytest.mark.parametrize(
    ("to", "detail_type", "told"),
    [
        ("bounce@simulator.amazonses.com", "Email Bounced", ("Bounce", "bounce", "bouncedRecipients")),
        ("complaint+x@simulator.amazonses.com", "Email Complaint Received",
         ("Complaint", "complaint", "complainedRecipients")),
    ],
)  # fmt: skip
def test_the_mailbox_simulator_answers_with_the_event_that_ses_sends(
    aws: Any, to: str, detail_type: str, told: tuple[str, str, str]
) -> None:
    queue, name = destination(aws, told[0].lower(), ["BOUNCE", "COMPLAINT"])
    send(aws, to, name)
    (message,) = received(aws.client("sqs"), queue)
    event = json.loads(message["Body"])
    kind, part, recipients = told
    assert (event["source"], event["detail-type"]) == ("aws.ses", detail_type)
    assert event["resources"] == [f"arn:aws:ses:us-east-1:123456789012:configuration-set/{name}"]
    assert event["detail"]["eventType"] == kind
    assert [one["emailAddress"] for one in event["detail"][part][recipients]] == [to]
    assert event["detail"]["mail"]["tags"]["mail"] == ["told"]
    assert event["detail"]["mail"]["tags"]["ses:configuration-set"] == [name]


def test_what_arrives_or_is_not_asked_for_is_not_told(emulators: dict[str, Any]) -> None:
    aws = emulators["mended"]
    queue, name = destination(aws, "none", ["COMPLAINT"])
    send(aws, "bounce@simulator.amazonses.com", name)
    send(aws, "success@simulator.amazonses.com", name)
    assert received(aws.client("sqs"), queue) == []


def destination(aws: Any, stem: str, types: list[str]) -> tuple[str, str]:
    """A configuration set whose events of these types come to a queue: the queue's URL and the set's name."""
    events, queues, mails = aws.client("events"), aws.client("sqs"), aws.client("sesv2")
    name = f"set-{stem}"
    queue = queues.create_queue(QueueName=name)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mails.create_configuration_set(ConfigurationSetName=name)
    bus = {"EventBusArn": "arn:aws:events:us-east-1:123456789012:event-bus/default"}
    target = {"Enabled": True, "MatchingEventTypes": types, "EventBridgeDestination": bus}
    mails.create_configuration_set_event_destination(
        ConfigurationSetName=name, EventDestinationName="bus", EventDestination=target
    )
    pattern = {"source": ["aws.ses"], "detail": {"mail": {"tags": {"ses:configuration-set": [name]}}}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return queue, name


def send(aws: Any, to: str, configuration_set: str) -> None:
    aws.client("ses").verify_domain_identity(Domain="example.com")
    aws.client("sesv2").send_email(
        FromEmailAddress="gatehouse@example.com",
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "text"}}}},
        ConfigurationSetName=configuration_set,
        EmailTags=[{"Name": "mail", "Value": "told"}],
    )
