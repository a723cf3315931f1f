"""Which lines of authorized_keys are good, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.simulator.keys import read_keys, valid_lines
from tests.provisioning.simulator.ssh_client import KEY, OTHER_KEY, public

NOW = datetime(2030, 6, 15, 12, 30, 0, tzinfo=UTC)
PLAIN = public(KEY)


@given(away=st.timedeltas(timedelta(days=-3000), timedelta(days=3000)), zulu=st.booleans())
def test_a_line_is_good_strictly_before_its_expiry(away, zulu):
    ends = (NOW + away).replace(microsecond=0)
    line = f'restrict,command="hostname",expiry-time="{ends:%Y%m%d%H%M%S}{"Z" * zulu}" {PLAIN}'

    found = valid_lines([line], NOW)

    assert found == ([f'restrict,command="hostname" {PLAIN}'] if ends > NOW else [])


@pytest.mark.parametrize(
    "options,left",
    [
        ('expiry-time="203006151231"', ""),
        ('expiry-time="20300616"', ""),
        ("expiry-time=20300616", ""),
        ('EXPIRY-TIME="20300616Z",restrict', "restrict "),
        ('command="say \\"a b\\"",Expiry-Time="20300616",no-pty', 'command="say \\"a b\\"",no-pty '),
    ],
)
def test_every_form_of_expiry_that_sshd_knows(options, left):
    assert valid_lines([f"{options} {PLAIN}"], NOW) == [left + PLAIN]


@pytest.mark.parametrize(
    "options",
    [
        'expiry-time="203006151230"', 'expiry-time="20300615123000Z"', 'expiry-time="20300615"',
        'EXPIRY-TIME="20200101"', 'restrict,Expiry-Time="20200101Z"',
        'expiry-time="20301301"', 'expiry-time="203006"', 'expiry-time="soon"', 'expiry-time=""', "expiry-time=",
        'expiry-time="\u0662\u0660\u0663\u0660\u0660\u0666\u0661\u0666"',
        'expiry-time="20400101",expiry-time="20200101"',
    ],
)  # fmt: skip
def test_an_expiry_that_is_over_or_unclear_lets_nobody_in_and_disturbs_no_other(options):
    assert valid_lines([f"{options} {PLAIN}", PLAIN], NOW) == [PLAIN]


def test_a_comment_is_not_an_option():
    line = f'{PLAIN} laptop,expiry-time="20200101"'

    assert valid_lines([line], NOW) == [line]


def test_lines_that_cannot_be_read_disturb_no_other():
    lines = ["", "# comment", "junk", f'command="open {PLAIN}', f"{PLAIN}\u2028{public(OTHER_KEY)}", "\0", PLAIN]

    keys = read_keys(lines)

    assert keys.validate(KEY.convert_to_public(), "h", "127.0.0.1") == {}
    assert keys.validate(OTHER_KEY.convert_to_public(), "h", "127.0.0.1") is None


def test_no_good_line_is_no_keys():
    assert read_keys([]) is None
    assert read_keys(["junk", "ssh-ed25519 AAAA"]) is None
