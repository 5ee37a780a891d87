"""The people of the stack, each with their own keys."""

from typing import Any

import pytest

from local.client import Person, principal


@pytest.fixture
def requester(stack: dict[str, Any]) -> Person:
    return principal(stack, "requester")


@pytest.fixture
def approver(stack: dict[str, Any]) -> Person:
    return principal(stack, "approver")


@pytest.fixture
def second_approver(stack: dict[str, Any]) -> Person:
    return principal(stack, "second_approver")


@pytest.fixture
def operator(stack: dict[str, Any]) -> Person:
    return principal(stack, "operator")


@pytest.fixture
def admin(stack: dict[str, Any]) -> Person:
    return principal(stack, "admin")
