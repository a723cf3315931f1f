"""A skip on CI is a failure."""

import pytest

from tests import skips


def report(outcome, **more):
    return pytest.TestReport("tests/x.py::test", ("x", 0, "x"), {}, outcome, "no browser", "setup", **more)


def test_a_skip_fails_on_ci_and_says_why():
    found = report("skipped")

    skips.refuse_skip(found, strict=True)

    assert found.failed
    assert "no browser" in found.longrepr


@pytest.mark.parametrize("outcome,strict", [("skipped", False), ("passed", True), ("failed", True)])
def test_everything_else_stays(outcome, strict):
    found = report(outcome)

    skips.refuse_skip(found, strict=strict)

    assert found.outcome == outcome


def test_the_list_lets_a_named_test_be_skipped(monkeypatch):
    monkeypatch.setitem(skips.MAY_BE_SKIPPED_ON_CI, "tests/x.py::test", "for this test")
    found = report("skipped")

    skips.refuse_skip(found, strict=True)

    assert found.skipped


def test_ci_is_known_by_its_variable(monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert skips.on_ci()
    monkeypatch.delenv("CI")
    assert not skips.on_ci()
