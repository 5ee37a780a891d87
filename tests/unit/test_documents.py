"""JSON objects as callers send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import documents
from gatehouse.errors import InvalidRequest


def problem(body: bytes) -> tuple[str, str]:
    with pytest.raises(InvalidRequest) as error:
        documents.parse(body, "must be a JSON object with x")
    (found,) = error.value.problems
    return found.field, found.message


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_what_is_no_object_is_told_what_it_must_be(body: bytes) -> None:
    assert problem(body) == ("body", "must be a JSON object with x")


@pytest.mark.parametrize("body", [b"", b"{", b"{'x': 1}", b'{"x": 1,}', b'{"x": 1} y'])
def test_what_is_no_json_is_told(body: bytes) -> None:
    assert problem(body) == ("body", "must be JSON")


@pytest.mark.parametrize("body", [b'{"x": "\xff"}', b"\xed\xa0\x80", '{"x": 1}'.encode("utf-16")])
def test_what_is_no_utf_8_is_told(body: bytes) -> None:
    assert problem(body) == ("body", "must be UTF-8")


def test_a_name_given_twice_is_named() -> None:
    assert problem(b'{"x": 1, "x": 1}') == ("x", "is given more than once")


def test_a_name_given_twice_further_inside_is_no_value_of_any_json_type() -> None:
    assert documents.parse(b'{"x": {"y": 1, "y": 2}}', "must be …") == {"x": frozenset({"y"})}


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=300))
def test_an_unknown_name_is_shown_short_and_can_be_sent(name: str) -> None:
    (unknown,) = documents.unknown({name: 1}, (), "a claim")
    assert len(unknown.field.encode()) <= 400
    assert unknown.message == "is not a field of a claim"


def test_known_names_are_no_problem() -> None:
    assert documents.unknown({"x": 1}, ("x", "y"), "a claim") == []


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"x": "\ud800"}, {"\ud800": "x"}])
def test_half_a_character_is_not_whole(value: object) -> None:
    assert not documents.is_whole(value)


@pytest.mark.parametrize("value", ["é", "😀", ["x"], {"x": None}, 5])
def test_whole_characters_are_whole(value: object) -> None:
    assert documents.is_whole(value)
