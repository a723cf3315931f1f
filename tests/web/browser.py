"""A real browser for tests: Debian's Chromium, driven by Playwright, with axe-core for accessibility."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
PATIENCE_MS = 60_000
"""Pages on a busy machine take their time; what comes soon is not waited for longer."""
expect.set_options(timeout=PATIENCE_MS)
WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")


def violations(page):
    """Return what axe finds, as lines that name rule and element."""
    found = Axe().run(page, options={"runOnly": list(RULES)}).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


def overflow(page):
    """Return by how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def watch(page):
    """Collect what the browser complains about: errors of scripts, refusals of the policy, failed requests."""
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints
