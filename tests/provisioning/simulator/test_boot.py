"""What a PATCH of Boot makes of a setting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.simulator.boot import ENABLED, TARGETS, merged
from provisioning.simulator.chassis import Setting

T, E, U, M = "BootSourceOverrideTarget", "BootSourceOverrideEnabled", "HttpBootUri", "BootSourceOverrideMode"
NOW = Setting("Off", "UefiHttp", "Continuous", "http://now/")
NONE = ("None", "Disabled", "")


@pytest.mark.parametrize(
    "boot,after",
    [
        ({T: "UefiHttp", E: "Once", U: "http://x/"}, ("UefiHttp", "Once", "http://x/")),
        ({T: "Hdd"}, ("Hdd", "Once", "")),
        ({T: "Cd", E: "Once", U: "http://x/"}, ("Cd", "Once", "")),
        ({T: "Pxe", E: "Continuous", M: "UEFI"}, ("Pxe", "Continuous", "")),
        ({T: "Hdd", E: "Once", U: "http://x/"}, ("Hdd", "Once", "")),
        ({T: "UefiHttp"}, ("UefiHttp", "Once", "http://now/")),
        ({U: "http://x/"}, ("UefiHttp", "Continuous", "http://x/")),
        ({E: "Once"}, ("UefiHttp", "Once", "http://now/")),
        ({M: "UEFI"}, ("UefiHttp", "Continuous", "http://now/")),
        ({T: "None"}, NONE),
        ({T: "None", E: "Once"}, NONE),
        ({E: "Disabled"}, NONE),
        ({T: "Pxe", E: "Disabled"}, NONE),
    ],
)
def test_what_is_named_changes_and_the_rest_stays(boot, after):
    assert merged(NOW, boot) == after


@pytest.mark.parametrize(
    "boot", [{}, {T: "Usb"}, {T: 1}, {T: None}, {E: "Maybe"}, {M: "Legacy"}, {"BootNext": "Boot0001"}, {U: ["x"]}]
)
def test_what_it_cannot_do_is_refused(boot):
    with pytest.raises(ValueError, match=r"unsupported|takes texts|by UEFI only"):
        merged(NOW, boot)


@given(
    st.fixed_dictionaries(
        {}, optional={T: st.sampled_from(TARGETS), E: st.sampled_from(ENABLED), U: st.text(), M: st.just("UEFI")}
    ).filter(bool),
    st.sampled_from([NOW, Setting(), Setting("On", "Hdd", "Once", "")]),
)
def test_a_setting_is_always_in_force_or_gone(boot, setting):
    target, enabled, uri = merged(setting, boot)

    assert (target == "None") == (enabled == "Disabled")
    assert uri == "" or target == "UefiHttp"
    assert merged(Setting("Off", target, enabled, uri), boot) == (target, enabled, uri)
