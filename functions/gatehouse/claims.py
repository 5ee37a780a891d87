"""Claim tokens and claim codes: the two halves that reveal a secret once.

The token goes to the user by mail and is stored as SHA-256 only. The code is derived from a KMS HMAC
key, so nothing is stored; it goes to the requester, who hands it over by another channel.
"""

import base64
import hashlib
import re
import secrets
from typing import Any

CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 characters that nobody confuses: no 0, O, 1, I."""

ATTEMPTS = 5

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE_LENGTH = 8


def new_token() -> str:
    """43 characters base64url, 256 bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """The SHA-256 in hex under which a claim is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(text: object) -> bool:
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def code(kms: Any, key_id: str, onboarding_id: str, generation: int) -> str:
    """The claim code of one generation: the first 40 bits of an HMAC, five to a character."""
    message = f"claim-code:{onboarding_id}:{generation}".encode()
    mac = kms.generate_mac(KeyId=key_id, MacAlgorithm="HMAC_SHA_256", Message=message)["Mac"]
    return base64.b32encode(mac[:5]).decode().translate(_TO_UNAMBIGUOUS)


def same_code(given: object, expected: str) -> bool:
    """Compare in constant time, forgiving case, spaces and hyphens."""
    typed = re.sub(r"[\s-]", "", given).upper() if isinstance(given, str) else ""
    # JSON can hold half a character (a lone surrogate), which is as wrong as any other.
    same = secrets.compare_digest(typed.encode(errors="surrogatepass"), expected.encode())
    return same and len(typed) == _CODE_LENGTH


_TO_UNAMBIGUOUS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", CODE_ALPHABET)
