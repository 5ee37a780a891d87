"""A new MFA device is told to EventBridge."""

import json
import time
from typing import Any


def test_enabling_a_device_sends_the_event_that_cloudtrail_sends(aws: Any) -> None:
    events, queues = aws.client("events"), aws.client("sqs")
    queue = queues.create_queue(QueueName="enrolled")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["aws.iam"],
        "detail": {"eventName": ["EnableMFADevice"], "errorCode": [{"exists": False}]},
    }
    events.put_rule(Name="enrolled", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="enrolled", Targets=[{"Id": "queue", "Arn": arn}])
    caller = aws.client("iam", **aws.user("enroller", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}))
    serial = caller.create_virtual_mfa_device(VirtualMFADeviceName="enroller")["VirtualMFADevice"]["SerialNumber"]
    caller.enable_mfa_device(
        UserName="enroller", SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
    (message,) = received(queues, queue)
    event = json.loads(message["Body"])
    detail = event["detail"]
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert detail["requestParameters"] == {"userName": "enroller", "serialNumber": serial}
    assert detail["userIdentity"]["arn"] == "arn:aws:iam::123456789012:user/enroller"
    assert (detail["userIdentity"]["type"], detail["sourceIPAddress"]) == ("IAMUser", "127.0.0.1")


def received(queues: Any, queue: str) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        if messages := queues.receive_message(QueueUrl=queue).get("Messages"):
            return list(messages)
        time.sleep(0.1)
    return []
