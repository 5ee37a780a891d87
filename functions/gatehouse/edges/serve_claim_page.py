"""GET /claim: one static page. It reveals nothing; a POST with something typed does."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path


def serve_claim_page(_event: object, _context: object) -> dict[str, object]:
    """200 the page, allowed to run its own script, to post to its own origin, and nothing else."""
    return {
        "statusCode": 200,
        "headers": {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": _policy(),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            # Who opened the page in a window of their own has no hold on it.
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Strict-Transport-Security": "max-age=31536000",
        },
        "body": _page(),
    }


@cache
def _page() -> str:
    return Path(__file__).parents[1].joinpath("claim_page.html").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Script and style are allowed by their hashes: nothing injected would run."""
    return (
        f"default-src 'none'; script-src {_hash('script')}; style-src {_hash('style')}; connect-src 'self'; "
        "img-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(element: str) -> str:
    found = re.search(f"<{element}>(.*?)</{element}>", _page(), re.DOTALL)
    digest = hashlib.sha256(found[1].encode() if found else b"").digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
