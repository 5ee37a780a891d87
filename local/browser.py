"""The system's own Chromium, driven by Playwright, which brings a driver and needs no browser of its own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, ViewportSize, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SIZES: dict[str, ViewportSize] = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 800}}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # as root, which containers often are, Chromium has no sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Nothing but the pages themselves asks anybody anything.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class NoChromium(Exception):
    """There is none on this machine; the message says what to do."""


def executable() -> str:
    """The path of Chromium: the environment variable CHROMIUM, or the first of `NAMES` on PATH. Raises NoChromium."""
    for name in filter(None, (os.environ.get("CHROMIUM"), *NAMES)):
        if found := shutil.which(name):
            return found
    raise NoChromium("Chromium is missing: `make chromium` as root on Debian, or set CHROMIUM to the path of one.")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium with a profile of its own, which ends with it."""
    with sync_playwright() as playwright:
        # Playwright switches the back/forward cache off, which is where a page that was left could come back from.
        browser = playwright.chromium.launch(
            executable_path=executable(), args=FLAGS, ignore_default_args=["--disable-back-forward-cache"]
        )
        try:
            yield browser
        finally:
            browser.close()


def person(browser: Browser, size: str = "desktop", scheme: Scheme = "light") -> BrowserContext:
    """Somebody with that screen who has visited nothing yet and lets pages copy."""
    context = browser.new_context(
        viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce", has_touch=size == "phone", locale="en-GB"
    )
    context.set_default_timeout(10_000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context
