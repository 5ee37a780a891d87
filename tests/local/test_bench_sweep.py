"""The benchmark of sweeps: an account that answers as AWS does, and figures of whoever looks at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import bench_sweep, cold_start, deploy
from local.bench_sweep import Account
from local.deploy import client

USERS = 230


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with bench_sweep._serving(Account(USERS), tmp_path_factory.mktemp("account")) as address:
        yield address


def test_lists_come_in_pages(address: str) -> None:
    iam = client("iam", address)
    first = iam.list_users()
    assert (len(first["Users"]), first["IsTruncated"]) == (100, True)
    names = [user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]]
    assert len(set(names)) == USERS
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["User"])
    assert [user["UserName"] for page in pages for user in page["UserDetailList"]] == names


def test_devices_are_listed_by_whether_they_have_an_owner(address: str) -> None:
    paginator = client("iam", address).get_paginator("list_virtual_mfa_devices")
    counts = {
        status: sum(len(page["VirtualMFADevices"]) for page in paginator.paginate(AssignmentStatus=status))
        for status in ("Assigned", "Unassigned", "Any")
    }
    assert counts["Unassigned"] == 3
    assert counts["Any"] == counts["Assigned"] + 3 > 103


def test_gatehouse_agrees_with_the_account_on_who_has_no_mfa(address: str, tmp_path: Path) -> None:
    (gatehouse, *_) = bench_sweep._tools(cold_start.package(deploy.build(), tmp_path))
    run = bench_sweep._run(gatehouse, address)
    assert (run.failed, run.missed, run.wrongly, run.throttled) == (None, 0, 0, 0)
    assert run.calls <= 12
