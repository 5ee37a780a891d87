"""IAM users of every shape, and a picture of one: whatever acting on a user could change."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

PATHS = ("/", "/teams/data/", "/gatehouse/", "/gatehouse/contractors/")
QUARANTINE = "AWSCompromisedKeyQuarantineV3"


@dataclass(frozen=True)
class Shape:
    """`boundary` is the name of a policy, `keys` whether each is active, `policies` and `groups` how many."""

    path: str = "/gatehouse/"
    boundary: str | None = "boundary-member"
    keys: tuple[bool, ...] = ()
    policies: int = 0
    quarantined: bool = False
    inline: bool = False
    groups: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    console: bool = True


BOUNDARIES = (None, "boundary-member", "boundary-member-one-region", "boundary-enrolling", "foreign")
SHAPES = st.builds(
    Shape,
    path=st.sampled_from(PATHS),
    boundary=st.sampled_from(BOUNDARIES),
    keys=st.lists(st.booleans(), max_size=2).map(tuple),
    policies=st.sampled_from((0, 1, 9, 10)),
    quarantined=st.booleans(),
    inline=st.booleans(),
    groups=st.integers(0, 3),
    tags=st.dictionaries(st.sampled_from(("email", "team", "cost-center")), st.just("x@example.com"), max_size=3),
    console=st.booleans(),
)


def make(iam: Any, name: str, shape: Shape, prefix: str) -> None:
    """The user; `prefix` is what the ARNs of the stack's policies begin with."""
    account = prefix.split(":")[4]
    foreign = [f"arn:aws:iam::{account}:policy/{policy}" for policy in ("foreign", QUARANTINE)]
    boundary = {None: None, "foreign": foreign[0]}.get(shape.boundary, f"{prefix}{shape.boundary}")
    within = {"PermissionsBoundary": boundary} if boundary else {}
    tags = [{"Key": key, "Value": value} for key, value in shape.tags.items()]
    iam.create_user(UserName=name, Path=shape.path, Tags=tags, **within)
    if shape.console:
        iam.create_login_profile(UserName=name, Password="Wm8!kdu39-xQ")
    for active in shape.keys:
        key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active" if active else "Inactive")
    attached = [f"arn:aws:iam::{account}:policy/own-{number}" for number in range(shape.policies)]
    for arn in [*(foreign[1:] if shape.quarantined and shape.policies < 10 else []), *attached]:
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    if shape.inline:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(ANYTHING))
    for number in range(shape.groups):
        iam.add_user_to_group(UserName=name, GroupName=f"group-{number}")


def prepare(iam: Any) -> None:
    """The policies and groups that shapes are made of."""
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        for number in range(3):
            iam.create_group(GroupName=f"group-{number}")
        for name in ("foreign", QUARANTINE, *(f"own-{number}" for number in range(10))):
            iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ANYTHING))


def picture(iam: Any, name: str) -> dict[str, Any]:
    """All that IAM shows of a user, but when it was last used."""
    user = iam.get_user(UserName=name)["User"]
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    inline = iam.list_user_policies(UserName=name)["PolicyNames"]
    try:
        profile = iam.get_login_profile(UserName=name)["LoginProfile"]["CreateDate"]
    except iam.exceptions.NoSuchEntityException:
        profile = None
    return {
        "user": {key: user.get(key) for key in ("Arn", "UserId", "Path", "PermissionsBoundary", "Tags", "CreateDate")},
        "attached": sorted(policy["PolicyArn"] for policy in attached),
        "inline": {one: iam.get_user_policy(UserName=name, PolicyName=one)["PolicyDocument"] for one in inline},
        "keys": {key["AccessKeyId"]: key["Status"] for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]},
        "groups": sorted(group["GroupName"] for group in iam.list_groups_for_user(UserName=name)["Groups"]),
        "password": profile,
    }


ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
