"""An account that lacks nothing, as AWS tells of it."""

from typing import Any

from tests.unit.account import OPERATOR, Account

TRAIL = {
    "Name": "all",
    "TrailARN": "arn:aws:cloudtrail:us-east-1:123456789012:trail/all",
    "IsMultiRegionTrail": True,
    "HomeRegion": "us-east-1",
}
SOUND_SUMMARY = {
    "AccountMFAEnabled": 1,
    "AccountAccessKeysPresent": 0,
    "AccountPasswordPresent": 1,
    "Users": 12,
    "UsersQuota": 5000,
    "Groups": 3,
    "GroupsQuota": 300,
    "Policies": 20,
    "PoliciesQuota": 1500,
}
STRONG = {
    "MinimumPasswordLength": 14,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
    "AllowUsersToChangePassword": True,
    "MaxPasswordAge": 90,
    "PasswordReusePrevention": 24,
}


class SoundAccount:
    """Parts of it a test answers otherwise."""

    def __init__(self, aws: Account) -> None:
        self.aws = aws
        self.trails(TRAIL)
        self.selectors(EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}])
        aws.wire.answer("GetTrailStatus", {"IsLogging": True})
        aws.wire.answer("GetAccountSummary", {"SummaryMap": SOUND_SUMMARY})
        aws.wire.answer("GetAccountPasswordPolicy", {"PasswordPolicy": STRONG})
        sound = {"ProductionAccessEnabled": True, "SendingEnabled": True, "SendQuota": {"Max24HourSend": 50000.0}}
        aws.wire.answer("GetAccount", sound)
        aws.wire.answer("GetEmailIdentity", {"VerifiedForSendingStatus": True})
        limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}
        aws.wire.answer("GetAccountSettings", {"AccountLimit": limits})

    def trails(self, *trails: dict[str, Any]) -> None:
        self.aws.wire.answer("DescribeTrails", {"trailList": list(trails)})

    def selectors(self, **selectors: Any) -> None:
        self.aws.wire.answer("GetEventSelectors", selectors)

    def summary(self, **changes: int) -> None:
        self.aws.wire.answer("GetAccountSummary", {"SummaryMap": SOUND_SUMMARY | changes})

    def checks(self) -> dict[str, dict[str, Any]]:
        answer = self.aws.api("check_account_health", caller=OPERATOR)
        assert answer.status == 200
        found = {check["name"]: check for check in answer.json["checks"]}
        assert answer.json["healthy"] == all(check["healthy"] for check in found.values())
        assert all(check["remedy"] for check in found.values() if not check["healthy"])
        return found

    def unhealthy(self) -> dict[str, str]:
        return {name: check["found"] for name, check in self.checks().items() if not check["healthy"]}
