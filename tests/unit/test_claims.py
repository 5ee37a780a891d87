"""The two halves of a claim."""

import base64
import hashlib
import hmac
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import claims

CODE = "S6CB53QJ"


class Kms:
    """A KMS that signs with a key of its own and keeps what it was asked."""

    def generate_mac(self, **asked: Any) -> dict[str, bytes]:
        self.asked = asked
        return {"Mac": hmac.digest(b"key", asked["Message"], "sha256")}


def test_a_token_has_256_bits_in_43_characters_and_is_never_the_same() -> None:
    tokens = {claims.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(claims.is_token(token) and len(base64.urlsafe_b64decode(token + "=")) == 32 for token in tokens)


def test_a_token_is_stored_as_its_sha_256() -> None:
    assert claims.token_hash("token") == hashlib.sha256(b"token").hexdigest()


@pytest.mark.parametrize(
    "text", ["", "x" * 42, "x" * 44, "x" * 42 + "\n", "x" * 42 + "/", "é" * 43, None, 43, ["x" * 43]]
)
def test_what_is_no_token_is_told(text: object) -> None:
    assert not claims.is_token(text)


def test_the_fifth_wrong_code_burns_a_claim() -> None:
    assert claims.ATTEMPTS == 5


def test_no_character_of_a_code_is_taken_for_another() -> None:
    assert len(set(claims.CODE_ALPHABET)) == 32
    assert not set(claims.CODE_ALPHABET) & set("01IO")


@given(st.uuids().map(str), st.integers(1, 10_000))
def test_a_code_is_eight_characters_of_the_alphabet_and_always_the_same(onboarding_id: str, generation: int) -> None:
    code = claims.code(Kms(), "key", onboarding_id, generation)
    assert re.fullmatch(f"[{claims.CODE_ALPHABET}]{{8}}", code)
    assert claims.code(Kms(), "key", onboarding_id, generation) == code


def test_every_onboarding_and_every_generation_has_a_code_of_its_own() -> None:
    kms = Kms()
    codes = {claims.code(kms, "key", f"id-{number}", generation) for number in range(50) for generation in (1, 2, 3)}
    assert len(codes) == 150
    assert kms.asked == {"KeyId": "key", "MacAlgorithm": "HMAC_SHA_256", "Message": b"claim-code:id-49:3"}


@pytest.mark.parametrize(
    "typed", [CODE, CODE.lower(), " s6cb 53qj ", "S6CB-53QJ", "S-6-C-B-5-3-Q-J", "\ts6cb\u00a053qj\n"]
)
def test_case_spaces_and_hyphens_do_not_matter(typed: str) -> None:
    assert claims.same_code(typed, CODE)


@pytest.mark.parametrize(
    "typed", ["", CODE[:7], CODE + "2", "S6CB53QK", "-" * 8, None, 12345678, [CODE], {"code": CODE}, True]
)
def test_a_wrong_code_is_wrong(typed: object) -> None:
    assert not claims.same_code(typed, CODE)


@given(st.text(st.characters(), max_size=20))
def test_whatever_is_typed_is_compared_without_an_error(typed: str) -> None:
    assert claims.same_code(typed, CODE) == (re.sub(r"[\s-]", "", typed).upper() == CODE)


def test_half_a_character_is_a_wrong_code_too() -> None:
    assert not claims.same_code("\ud800" * 8, CODE)
