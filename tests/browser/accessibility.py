"""What axe-core finds wrong with a page as it stands."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from local.browser import SCHEMES, SIZES

# By default axe leaves out the size of what is touched.
RUN = "axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
_AXE = Axe().axe_script


def violations(page: Page) -> list[str]:
    """Each violation in a line, on a phone in the dark and at a desk in the light; the page keeps its state."""
    page.evaluate(_AXE)
    found = []
    # Every size and every scheme once: what axe finds of one does not depend on the other.
    for size, scheme in zip(SIZES, reversed(SCHEMES), strict=True):
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        found += [f"{size} {scheme}: {line}" for line in map(_line, page.evaluate(RUN)["violations"])]
    return found


def _line(violation: dict[str, Any]) -> str:
    return f"{violation['id']}: {violation['help']} {[node['html'] for node in violation['nodes']]}"


def sideways(page: Page, width: int = 320) -> int:
    """By how many pixels one has to scroll sideways on a screen of that width."""
    page.set_viewport_size({"width": width, "height": 640})
    over: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return over
