"""The page of a server, and what is had done with it from there: without scripts, said first, refused in words."""

import pytest

from portal.operations.models import Operation, OperationServer
from portal.operations.states import OPEN_OPERATION, OperationState
from portal.reservations.services.actions import POWER_KINDS, PowerAction
from portal.reservations.services.lifecycle import release
from portal.tenancy.roles import Role
from portal.web.server_actions import ACTIONS
from tests import factories, hands, networks
from tests.api.world import nothing_changes
from tests.web.conftest import browser_of
from tests.web.seen import text


@pytest.fixture
def held(buyer):
    """Return one server that is handed over."""
    return hands.active(buyer, user_data="#!/bin/sh\necho secret-7\n").allocations.get()


def address_of(held, kind=""):
    return f"/servers/{held.server.public_id}" + (f"/do/{kind}" if kind else "")


def asked(**fields):
    """Return the one operation that was asked for."""
    return Operation.objects.exclude(kind="deploy").get(**fields)


def test_its_reservation_and_the_list_lead_to_its_page_and_that_to_every_action(web, held):
    for page in (f"/reservations/{held.reservation.public_id}", "/servers"):
        assert f'href="{address_of(held)}"' in web.get(page).content.decode()
    page = web.get(address_of(held)).content.decode()

    assert [kind for kind in ACTIONS if f'href="{address_of(held, kind)}"' not in page] == ["leave-rescue"]


def test_the_page_says_in_which_network_a_server_is(web, held):
    assert "VLAN" not in text(web.get(address_of(held)))

    networks.port(held.server)
    networks.put(held.server)
    assert "cut off until it is reinstalled" in text(web.get(address_of(held)))
    networks.put(held.server, networks.tenant_network(held.reservation.project))
    assert "VLAN 101" in text(web.get(address_of(held)))


@pytest.mark.parametrize("kind", ACTIONS)
def test_each_action_says_first_what_it_does_and_does_nothing_yet(web, held, kind):
    with nothing_changes():
        page = web.get(address_of(held, kind))

    assert all(effect in text(page).replace("&#x27;", "'") for effect in ACTIONS[kind].effects)
    assert ("no way back" in text(page)) == ACTIONS[kind].loses_data
    assert "16.0" in text(page) or not ACTIONS[kind].loses_data, "how much the drives hold"
    assert "secret-7" not in page.content.decode()


@pytest.mark.parametrize("action", PowerAction)
def test_a_press_has_the_power_switched_and_the_page_shows_it(web, held, action):
    reply = web.post(address_of(held, action), follow=True)

    assert asked().kind == POWER_KINDS[action]
    assert "was asked for" in text(reply)
    assert "waiting for a worker" in text(reply)
    assert f'href="{address_of(held, action)}"' not in reply.content.decode(), "one thing at a time"


def test_a_second_press_is_refused_in_words(web, held):
    web.post(address_of(held, "off"))

    with nothing_changes():
        reply = web.post(address_of(held, "on"))

    assert "is in another operation (Power off)" in text(web.get(reply.url))


def test_to_reinstall_the_name_is_typed(web, held):
    wish = {"image": held.reservation.image.public_id, "first_boot": "same", "name": "no"}
    with nothing_changes():
        refused = web.post(address_of(held, "reinstall"), wish)

    assert (refused.status_code, "nothing was done" in text(refused)) == (422, True)
    web.post(address_of(held, "reinstall"), {**wish, "name": held.hostname})
    made = asked(kind="reinstall")
    assert (made.image, made.user_data) == (held.reservation.image, held.reservation.user_data)
    assert made.ssh_keys == held.reservation.ssh_keys
    assert "Reinstalling" in text(web.get(address_of(held)))


def test_what_is_chosen_is_installed_and_what_is_wrong_is_named(web, held, buyer):
    key = factories.ssh_key(buyer.project, public_key=f"{factories.KEY}-2")
    wish = {
        "image": factories.image().public_id,
        "ssh_keys": [key.public_id],
        "first_boot": "other",
        "user_data": "#!/bin/sh\r\n:",
        "name": held.hostname,
    }
    with nothing_changes():
        assert "16384 are possible" in text(
            web.post(address_of(held, "reinstall"), {**wish, "user_data": "x" * 16_385})
        )
        assert web.post(address_of(held, "reinstall"), {**wish, "image": "abacus"}).status_code == 422

    web.post(address_of(held, "reinstall"), wish)

    made = asked(kind="reinstall")
    assert (made.image.public_id, made.ssh_keys) == (wish["image"], [f"{factories.KEY}-2"])
    assert made.user_data == "#!/bin/sh\n:"


def test_what_failed_is_said_with_its_reason_and_a_way_out(web, held):
    web.post(address_of(held, "cycle"))
    OperationServer.objects.filter(operation=asked()).update(state="failed", state_reason="It did not switch off.")
    Operation.objects.filter(state__in=OPEN_OPERATION).update(state=OperationState.FAILED)

    page = text(web.get(address_of(held)))

    assert "Power cycle did not work out. It did not switch off. The server stays yours." in page
    assert "Try again" in page


def test_a_rescue_is_asked_for_shown_with_its_login_and_left(web, held, buyer):
    key = factories.ssh_key(buyer.project, public_key=f"{factories.KEY}-2")
    with nothing_changes():
        assert web.post(address_of(held, "rescue"), {"ssh_keys": ["key_x"]}).status_code == 422

    web.post(address_of(held, "rescue"), {"ssh_keys": [key.public_id]})

    made = asked(kind="rescue")
    assert made.ssh_keys == [f"{factories.KEY}-2"]
    assert "Rescue: waiting for a worker" in text(web.get(address_of(held)))
    made.parts.update(host_keys=["ssh-ed25519 RESCUE"])
    hands.work(held.reservation)
    page = web.get(address_of(held))
    assert "In the rescue system since" in text(page)
    assert f"root@{held.server.ssh_host}" in text(page)
    assert f"[{held.server.ssh_host}]:{held.server.ssh_port} ssh-ed25519 RESCUE" in text(page)
    shown = [kind for kind in ACTIONS if f'href="{address_of(held, kind)}"' in page.content.decode()]
    assert shown == [kind for kind in ACTIONS if kind != "on"]

    web.post(address_of(held, "leave-rescue"))
    hands.work(held.reservation)

    left = text(web.get(address_of(held)))
    assert ("It is yours." in left, "root@" in left) == (True, False)


def test_without_a_choice_the_keys_of_the_reservation_open_the_rescue_system(web, held):
    web.post(address_of(held, "rescue"))

    assert asked(kind="rescue").ssh_keys == held.reservation.ssh_keys


def test_a_rescue_that_cannot_be_is_refused_in_words(web, held):
    held.server.bmc.boot_method = "uefi_http"
    held.server.bmc.save()

    with nothing_changes():
        replies = [web.post(address_of(held, kind)) for kind in ("rescue", "leave-rescue")]

    page = text(web.get(replies[0].url))
    assert "no virtual drive" in page
    assert "is not in the rescue system" in page


def test_who_may_only_look_sees_no_buttons_and_is_refused(held):
    viewer = browser_of(factories.scope(Role.VIEWER, held.reservation.project))

    assert "/do/" not in viewer.get(address_of(held)).content.decode()
    with nothing_changes():
        for kind in ("off", "rescue", "leave-rescue"):
            assert viewer.post(address_of(held, kind)).status_code == 403


def test_there_is_no_other_action_and_no_server_of_others(web, held, stranger):
    assert web.get(address_of(held, "explode")).status_code == 404
    assert stranger.get(address_of(held)).status_code == 404
    assert stranger.post(address_of(held, "off")).status_code == 404


def test_what_is_being_taken_back_is_only_looked_at(web, held, buyer):
    release(scope=buyer, actor=buyer.actor, reservation=held.reservation)

    assert "/do/" not in web.get(address_of(held)).content.decode()
    with nothing_changes():
        reply = web.post(address_of(held, "off"))
    assert "taken back" in text(web.get(reply.url))
