"""The names that firmware gives its parts are as bounded as everything else that a machine says."""

import pytest

from portal.api.serializers.agents import DoneReport

INVENTORY = {
    "system": {"serial": "SN1", "product": "P", "uuid": ""},
    "cpu_count": 1,
    "memory_bytes": 1,
    "drives": [],
    "nics": [],
    "gpus": [],
}


def report(firmware):
    return DoneReport(data={"ok": True, "inventory": {**INVENTORY, "firmware": firmware}})


@pytest.mark.parametrize(
    ("firmware", "code"),
    [
        ({"bios\u0000": "1"}, "null_characters_not_allowed"),
        ({"": "1"}, "blank"),
        ({"x" * 81: "1"}, "max_length"),
        ({str(number): "1" for number in range(65)}, "max_length"),
    ],
    ids=["NUL", "empty", "long", "many"],
)
def test_a_name_that_cannot_be_kept_is_refused(firmware, code):
    """PostgreSQL takes no NUL in JSON: it was an internal error."""
    made = report(firmware)

    assert not made.is_valid()
    assert [error.code for error in made.errors["inventory"]["firmware"]] == [code]


def test_names_as_they_are_pass():
    assert report({"bios_vendor": "V", "bios_version": ""}).is_valid()
