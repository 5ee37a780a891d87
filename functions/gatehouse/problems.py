"""What the APIs answer when they refuse: RFC 9457 problem details."""

from http import HTTPStatus
from typing import Any

from gatehouse.errors import InvalidRequest

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal with its HTTP status and the slug of its type `urn:gatehouse:problem:<slug>`."""

    def __init__(self, status: HTTPStatus, slug: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.members = members
        self.headers: dict[str, str] = {}

    def document(self) -> dict[str, Any]:
        return {
            "type": f"urn:gatehouse:problem:{self.slug}",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": str(self),
            **self.members,
        }


def invalid_request(error: InvalidRequest) -> Problem:
    """400 naming every field that is wrong."""
    wrong = [{"field": problem.field, "message": problem.message} for problem in error.problems]
    return Problem(HTTPStatus.BAD_REQUEST, "invalid-request", str(error), errors=wrong)
