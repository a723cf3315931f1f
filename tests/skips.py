"""On CI nothing is skipped silently: a skipped test fails unless it is on this list, with the reason."""

import os

MAY_BE_SKIPPED_ON_CI: dict[str, str] = {
    "tests/playbooks/test_arista.py": "it runs where the extra `interop` is installed, and there it may not skip",
    "tests/playbooks/test_stock_module.py": "it runs where the extra `interop` is installed, and there it may not skip",
}
"""Start of a test's id, and why CI need not run it."""


def on_ci():
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def refuse_skip(report, *, strict):
    """Turn a skipped report into a failed one, when ``strict`` and it is not on the list."""
    if not (strict and report.skipped) or hasattr(report, "wasxfail"):
        return
    if any(report.nodeid.startswith(allowed) for allowed in MAY_BE_SKIPPED_ON_CI):
        return
    report.outcome = "failed"
    report.longrepr = f"Skipped on CI, where every test runs: {report.longrepr}"
