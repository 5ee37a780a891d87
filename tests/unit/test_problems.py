"""Refusals as RFC 9457 wants them."""

from http import HTTPStatus

from gatehouse import problems
from gatehouse.errors import InvalidRequest
from gatehouse.model import FieldProblem
from gatehouse.problems import Problem


def test_a_problem_names_its_type_title_status_and_detail() -> None:
    problem = Problem(HTTPStatus.CONFLICT, "user-exists", "user_name alice exists already.", attempts_left=3)
    assert problem.document() == {
        "type": "urn:gatehouse:problem:user-exists",
        "title": "Conflict",
        "status": 409,
        "detail": "user_name alice exists already.",
        "attempts_left": 3,
    }


def test_an_invalid_request_names_every_wrong_field() -> None:
    wrong = [FieldProblem("email", "must be …"), FieldProblem("tags", "must not …")]
    problem = problems.invalid_request(InvalidRequest(wrong))
    assert problem.document() == {
        "type": "urn:gatehouse:problem:invalid-request",
        "title": "Bad Request",
        "status": 400,
        "detail": "email must be …; tags must not …",
        "errors": [{"field": "email", "message": "must be …"}, {"field": "tags", "message": "must not …"}],
    }
