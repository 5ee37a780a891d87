"""What IAM tells of all users at once and the emulator leaves out."""

from ministack.services import iam

from local.mends.iam_users import Answer, Params


def boundaries_of_all_users() -> None:
    """GetAccountAuthorizationDetails tells every user's permissions boundary."""
    original = iam._get_account_authorization_details

    def details(params: Params) -> Answer:
        status, headers, body = original(params)
        text = body.decode()
        for name, user in iam._users.items():
            if boundary := _boundary(user):
                before = f"<UserName>{name}</UserName><UserId>"
                text = text.replace(before, boundary + before)
        return status, headers, text.encode()

    iam._get_account_authorization_details = iam._IAM_HANDLERS["GetAccountAuthorizationDetails"] = details


def _boundary(user: dict[str, str]) -> str:
    arn = user.get("PermissionsBoundary")
    if not arn:
        return ""
    kind = "<PermissionsBoundaryType>Policy</PermissionsBoundaryType>"
    return f"<PermissionsBoundary>{kind}<PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn></PermissionsBoundary>"


MENDS = [boundaries_of_all_users]
