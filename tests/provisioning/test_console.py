"""Reading consoles into rows, from the emulated BMC's own process, and from one that answers what a test says."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connections

from portal.core import clock, secrets
from portal.fleet.models import BMC
from portal.reservations.models import Allocation, ConsoleChunk, ConsoleCursor
from portal.reservations.services import lifecycle
from portal.reservations.services.console import WANTED_FOR, want_console
from provisioning import console
from provisioning.console import read_console, read_consoles
from provisioning.host_logger import MOST_LINES, MOST_REPLY_BYTES, TOO_LONG
from tests import factories, hands
from tests.playbooks.conftest import make_certificate
from tests.provisioning.bmc_stand_in import answering
from tests.provisioning.simulator.emulator import entry, running, uuid_of, write_fleet
from tests.racing import race

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=2)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "bmc")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, tls):
    """The emulated BMC, running; gives (its folder, its address)."""
    folder = tmp_path_factory.mktemp("fleet")
    port = write_fleet(folder, [entry(1)], cert=tls[0], key=tls[1])
    with running(folder):
        yield folder, f"https://127.0.0.1:{port}"


@pytest.fixture
def noon():
    """Stop the clock."""
    with time_machine.travel(datetime(2030, 1, 15, 12, tzinfo=UTC), tick=False) as hand:
        yield hand


@pytest.fixture(autouse=True)
def trusted(tls, settings):
    settings.METALYARD_BMC_CA_FILE = str(tls[0])


@pytest.fixture
def log(fleet):
    """The file of the server's console."""
    path = fleet[0] / "console" / "srv-1.log"
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    return path


@pytest.fixture
def server(fleet):
    made = factories.server(system_uuid=uuid_of(1))
    BMC.objects.filter(server=made).update(
        address=fleet[1], username="user1", password_encrypted=secrets.encrypt("password-1")
    )
    return made


def add(log, *lines):
    with log.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def kept(held):
    """Return what is kept of the console of an allocation, as one text."""
    return "".join(held.console_chunks.order_by("pk").values_list("text", flat=True))


def handed_over(**kwargs):
    return hands.active(**kwargs).allocations.get()


def test_what_was_there_at_the_hand_over_is_never_kept(noon, server, log):
    add(log, "installer: password=secret", "the tenant before: secret")
    held = handed_over()

    assert read_consoles() == 1
    add(log, "mine 1", "mine 2")
    noon.shift(LATER)
    assert read_consoles() == 1
    noon.shift(LATER)
    assert read_consoles() == 1

    assert kept(held) == "mine 1\nmine 2\n"
    assert ConsoleChunk.objects.get().allocation == held


def test_who_looks_before_the_first_sweep_sees_nothing_of_before_either(noon, server, log):
    add(log, "secret")
    held = handed_over()

    want_console(allocation=held)
    read_console(held.pk)
    add(log, "mine")
    noon.shift(timedelta(seconds=2))
    want_console(allocation=held)
    read_console(held.pk)

    assert kept(held) == "mine\n"


def test_a_server_is_read_only_while_it_is_handed_over(noon, server, log):
    held = Allocation.objects.get(reservation=factories.reservation(starts_at=None))
    assert (read_consoles(), read_console(held.pk), ConsoleCursor.objects.count()) == (0, None, 0)

    hands.work(held.reservation)
    read_consoles()
    add(log, "eraser")
    Allocation.objects.filter(pk=held.pk).update(state="cleaning")
    noon.shift(LATER)

    assert read_consoles() == 0
    want_console(allocation=held)
    read_console(held.pk)
    assert kept(held) == ""


def test_the_next_tenant_does_not_see_what_the_first_one_left(noon, server, log):
    first_scope = factories.buyer()
    first = handed_over(for_scope=first_scope)
    read_consoles()
    add(log, "of the first")
    noon.shift(LATER)
    read_consoles()
    add(log, "also of the first, not read yet")
    lifecycle.release(scope=first_scope, actor=first_scope.actor, reservation=first.reservation)
    hands.work(first.reservation)
    add(log, "eraser")

    second = handed_over(for_scope=factories.buyer())
    assert second.server == first.server
    noon.shift(LATER)
    read_consoles()
    add(log, "of the second")
    noon.shift(LATER)
    read_consoles()

    assert (kept(first), kept(second)) == ("of the first\n", "of the second\n")


def test_a_buffer_that_begins_anew_is_read_from_its_begin(noon, server, log):
    add(log, "old 1", "old 2")
    held = handed_over()
    read_consoles()
    add(log, *(f"mine {number}" for number in range(5)))
    noon.shift(LATER)
    read_consoles()

    log.write_text("new 1\nnew 2\n")
    noon.shift(LATER)
    read_consoles()

    assert kept(held).splitlines() == [*(f"mine {number}" for number in range(5)), "new 1", "new 2"]


def test_a_buffer_that_lost_only_its_oldest_lines_shows_none_of_before(noon, server, log):
    old = [f"old {number}" for number in range(10)]
    add(log, *old)
    held = handed_over()
    read_consoles()

    log.write_text("".join(f"{line}\n" for line in [*old[3:], "mine"]))
    noon.shift(LATER)
    read_consoles()
    add(log, "mine too")
    noon.shift(LATER)
    read_consoles()

    assert "old" not in kept(held)
    assert kept(held) == "mine too\n"


def test_a_restarted_buffer_is_not_read_before_the_first_read(noon, server, log):
    held = handed_over()
    log.write_text("installer\n")

    read_consoles()

    assert (kept(held), held.console_cursor.position) == ("", 1)


def test_much_output_is_read_in_parts(noon, server, log):
    held = handed_over()
    read_consoles()
    add(log, *map(str, range(MOST_LINES + 3)))

    for _ in range(3):
        noon.shift(LATER)
        read_consoles()

    assert kept(held).split() == list(map(str, range(MOST_LINES + 3)))
    assert held.console_chunks.count() == 2


def test_a_line_without_an_end_is_kept_once_it_has_one(noon, server, log):
    held = handed_over()
    read_consoles()
    with log.open("a") as file:
        file.write("login: ")
    noon.shift(LATER)
    read_consoles()
    assert kept(held) == ""

    add(log, "root")
    noon.shift(LATER)
    read_consoles()
    assert kept(held) == "login: root\n"


def test_a_message_that_nobody_wants_any_more_reads_nothing(noon, server, log):
    held = handed_over()
    want_console(allocation=held)
    noon.shift(WANTED_FOR)

    read_console(held.pk)

    assert held.console_cursor.read_at is None


@pytest.mark.django_db(transaction=True)
def test_of_a_crowd_of_readers_one_reads(tls, server):
    with answering(*tls) as bmc:
        bmc.body = lines_of(0)
        BMC.objects.update(address=bmc.address)
        held = handed_over()
        read_consoles()
        ConsoleCursor.objects.update(read_at=None)
        want_console(allocation=held)
        bmc.body = lines_of(1)
        bmc.asked.clear()

        race(4, lambda _: read_console(held.pk))

    assert (len(bmc.asked), kept(held)) == (1, "line 0\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "https://127.0.0.1:1"},
        {"password_encrypted": "no secret"},
        {"username": "user2"},
    ],
)
def test_a_bmc_that_cannot_be_read_is_logged_and_changes_nothing(noon, server, log, caplog, wrong):
    held = handed_over()
    read_consoles()
    add(log, "mine")
    BMC.objects.update(**wrong)
    noon.shift(LATER)

    read_consoles()

    assert "its console cannot be read" in caplog.text
    assert "password" not in caplog.text
    assert (kept(held), held.console_cursor.position) == ("", 0)


def test_a_bmc_that_has_taken_the_next_password_is_read(noon, server, log):
    BMC.objects.update(
        password_encrypted=secrets.encrypt("former"), next_password_encrypted=secrets.encrypt("password-1")
    )
    held = handed_over()

    read_consoles()

    assert held.console_cursor.position == 0


def test_without_our_cas_certificate_nothing_is_read(server, log, settings, caplog):
    settings.METALYARD_BMC_CA_FILE = "/nowhere"
    held = handed_over()

    assert read_consoles() == 0
    want_console(allocation=held)
    read_console(held.pk)

    assert caplog.text.count("no console can be read") == 2
    assert held.console_chunks.count() == 0


def test_a_server_without_a_bmc_stops_no_other(noon, server, log):
    held = handed_over()
    BMC.objects.all().delete()

    assert read_consoles() == 0
    want_console(allocation=held)
    read_console(held.pk)

    assert held.console_cursor.position is None


def test_a_sweep_begins_with_those_never_read_and_those_not_read_for_longest(noon, server, log, monkeypatch):
    first = handed_over()
    read_consoles()
    factories.servers(2)
    others = [handed_over(), handed_over()]
    monkeypatch.setattr(console, "BATCH", 2)
    noon.shift(LATER)

    assert read_consoles() == 2
    read = [held for held in (first, *others) if ConsoleCursor.objects.filter(pk=held.pk, read_at=clock.now()).exists()]
    assert read == others
    assert (read_consoles(), read_consoles()) == (1, 0)


def test_a_sweep_ends_when_its_time_is_over(server, log, monkeypatch):
    handed_over()
    monkeypatch.setattr(console, "BUDGET_S", -1)

    assert read_consoles() == 0
    assert ConsoleCursor.objects.count() == 0


def test_a_sweep_with_nothing_to_do_asks_once(server, log, django_assert_num_queries):
    handed_over()
    read_consoles()

    with django_assert_num_queries(1):
        assert read_consoles() == 0


def lines_of(total):
    """Return an answer with lines of which only one is too long for a reply, the second one."""

    def answer(path):
        path = path.replace("%24", "$")
        skip, most = (int(path.split(f"${name}=")[1].split("&")[0]) for name in ("skip", "top"))
        found = ["x" * (MOST_REPLY_BYTES + 1) if number == 1 else f"line {number}" for number in range(total)]
        members = [{"Message": line} for line in found[skip : skip + most]]
        return json.dumps({"Members@odata.count": total, "Members": members}).encode()

    return answer


def test_a_line_that_no_reply_holds_is_passed_over(noon, tls, server):
    with answering(*tls) as bmc:
        bmc.body = lines_of(0)
        BMC.objects.update(address=bmc.address)
        held = handed_over()
        read_consoles()
        bmc.body = lines_of(3)
        for _ in range(4):
            noon.shift(LATER)
            read_consoles()

    assert kept(held) == f"line 0\n{TOO_LONG}line 2\n"


@pytest.mark.django_db(transaction=True)
def test_output_that_comes_after_the_end_is_not_kept(noon, tls, server):
    """The reservation ends while the BMC answers."""
    with answering(*tls) as bmc:
        bmc.body = lines_of(0)
        BMC.objects.update(address=bmc.address)
        held = handed_over()
        read_consoles()

        def end_then_answer(path):
            Allocation.objects.filter(pk=held.pk).update(state="cleaning")
            connections.close_all()
            return lines_of(1)(path)

        bmc.body = end_then_answer
        noon.shift(LATER)
        read_consoles()

    assert (kept(held), held.console_cursor.position) == ("", 0)
