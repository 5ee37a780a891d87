"""People with a browser, of whom everything is noted that their pages ask for and complain about."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from local import browser as system_browser
from local import client
from local.browser import Scheme
from local.client import Answer

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
REFUSED = "Failed to load resource: the server responded with a status of"
"""Chromium's word for an answer that the page itself tells in its own words."""

Visit = Callable[..., Page]


@dataclass
class Noted:
    """What the pages of one test asked for, and what Chromium complained about."""

    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def of(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.requests.append(request))
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def assert_discreet(self, stack: dict[str, Any]) -> None:
        """No page asked anybody but the stack, or gave a token away with what it asked for."""
        for request in self.requests:
            assert _origin(request.url) == _origin(stack["endpoint_url"])
            assert not TOKEN.search(request.url.partition("#")[0])
            assert not request.headers.get("referer")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(REFUSED):
            self.complaints.append(message.text)


# Not for the whole run: as long as Playwright is there, an event loop runs in this thread.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with system_browser.chromium() as browser:
        yield browser


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def visit(chromium: Browser, stack: dict[str, Any], noted: Noted) -> Iterator[Visit]:
    """A new page, each of somebody else; whatever a test does with it, no page asks others or gives a token away."""
    contexts: list[BrowserContext] = []

    def open_page(size: str = "desktop", scheme: Scheme = "light") -> Page:
        context = system_browser.person(chromium, size, scheme)
        contexts.append(context)
        noted.of(context)
        return context.new_page()

    yield open_page
    noted.assert_discreet(stack)
    for context in contexts:
        assert_no_token_in_the_address_bar(context)
        context.close()


def assert_no_token_in_the_address_bar(context: BrowserContext) -> None:
    """What stands there is seen by who looks on, and kept in the history."""
    assert not any(urlsplit(page.url).fragment for page in context.pages)


@pytest.fixture(scope="module")
def served(stack: dict[str, Any]) -> Answer:
    """The claim page as the stack serves it."""
    return client.send("GET", stack["claim_url"])


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
