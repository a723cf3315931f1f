"""What is taken from a BMC's console log: only text, only so much, and nothing from who answers anything else."""

import json
import uuid

import pytest

from portal.fleet.models import BMC, Server
from provisioning.credentials import Login
from provisioning.host_logger import (
    MOST_BYTES,
    MOST_REPLY_BYTES,
    TooLarge,
    Unreadable,
    entries_of,
    make_client,
    plain,
    taken,
)
from tests.playbooks.conftest import make_certificate
from tests.provisioning.bmc_stand_in import answering

LOGIN = Login("admin", "first-password", "next-password")


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "bmc")


@pytest.fixture
def bmc(tls):
    with answering(*tls) as said:
        yield said


@pytest.fixture
def ask(bmc, tls, settings):
    settings.METALYARD_BMC_CA_FILE = str(tls[0])
    server = Server(name="s1", system_uuid=uuid.UUID(int=7))
    BMC(server=server, address=bmc.address)
    with make_client() as http:
        yield lambda skip=0, most=5: entries_of(http, server, LOGIN, skip, most)


def page(*messages, count=None):
    members = [{"Id": str(number), "Message": message} for number, message in enumerate(messages)]
    return json.dumps({"Members@odata.count": len(members) if count is None else count, "Members": members}).encode()


def test_lines_are_asked_for_from_one_on(bmc, ask):
    bmc.body = page("a", "b", count=9)

    found = ask(skip=7, most=2)

    assert (found.count, found.lines) == (9, ["a", "b"])
    path = f"/redfish/v1/Systems/{uuid.UUID(int=7)}/LogServices/HostLogger/Entries?$skip=7&$top=2"
    assert [sent.replace("%24", "$") for sent in bmc.asked] == [path]


def test_no_more_are_taken_than_were_asked_for(bmc, ask):
    bmc.body = page(*"abcdef")

    assert ask(most=3).lines == ["a", "b", "c"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b"{}",
        page("a", count=-1),
        page("a", count=True),
        page("a", count=1 << 60),
        page("a", count="1"),
        page(None),
        page({"a": 1}),
        b'{"Members@odata.count": 1, "Members": {"a": 1}}',
        b'{"Members@odata.count": 1, "Members": [1]}',
    ],
)
def test_what_is_no_list_of_lines_is_refused(bmc, ask, body):
    bmc.body = body

    with pytest.raises(Unreadable):
        ask()


@pytest.mark.parametrize("status, asked", [(404, 1), (500, 1), (302, 1), (401, 2)])
def test_a_refusal_is_told_and_both_passwords_are_tried(bmc, ask, status, asked):
    bmc.status = status

    with pytest.raises(Unreadable, match=f"HTTP {status}") as raised:
        ask()

    assert len(bmc.asked) == asked
    assert "password" not in str(raised.value)


def test_a_reply_that_is_too_long_is_not_read_to_its_end(bmc, ask):
    bmc.body = b" " * (MOST_REPLY_BYTES + 1)

    with pytest.raises(TooLarge):
        ask()


def test_a_bmc_whose_certificate_is_not_of_our_ca_is_not_asked(bmc, ask, tmp_path, settings):
    settings.METALYARD_BMC_CA_FILE = str(make_certificate(tmp_path, "other")[0])
    server = Server(name="s1", system_uuid=uuid.uuid4())
    BMC(server=server, address=bmc.address)

    with make_client() as http, pytest.raises(Unreadable, match="certificate"):
        entries_of(http, server, LOGIN, 0, 1)
    assert bmc.asked == []


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[2J\x1b[10;3Hx\x1b[?25l", "x"),
        ("\x1b]0;title\x07x\x1b]8;;http://evil\x1b\\y", "xy"),
        ("\x1b(B\x1b7x\x1bc", "x"),
        ("a\x00\x07\x08\x7f\x9bb", "ab"),
        ("abc\u202edef\u2066", "abcdef"),
        ("\ud800x", "?x"),
        ("\x1b\x1b[31mx", "\x1b[31mx"),
        ("\x1b[\x00 31mx", "[ 31mx"),
        ("Grüße 世界 <b>", "Grüße 世界 <b>"),
    ],
)
def test_only_text_is_left(text, shown):
    assert plain(text) == shown


def test_a_carriage_return_begins_a_line():
    assert taken(["10 %\r20 %\r\n", "x"]) == ("10 %\n20 %\nx\n", 2)


def test_only_whole_lines_within_the_limit_are_taken():
    line = "x" * (MOST_BYTES // 4)

    text, count = taken([line] * 9)

    assert (count, text) == (3, f"{line}\n" * 3)


def test_a_line_that_alone_is_too_long_is_cut():
    text, count = taken(["é" * MOST_BYTES, "next"])

    assert count == 1
    assert MOST_BYTES - 2 <= len(text.encode()) <= MOST_BYTES
    assert set(text) == {"é", "\n"}
