"""The pages of a reservation, its live part, and ending it."""

import re

import pytest
from django.urls import reverse

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import Server
from portal.operations.models import OperationServer
from portal.operations.services.events import tell
from portal.reservations.models import Allocation
from portal.reservations.services import lifecycle, outcomes
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import HOST_KEY, browser_of, take_back
from tests.web.seen import agreed_in


def test_a_starting_reservation_polls_every_two_seconds(web, starting):
    page = web.get(f"/reservations/{starting.public_id}").content.decode()
    part = web.get(f"/reservations/{starting.public_id}/live")

    assert 'hx-trigger="every 2s, refresh"' in page
    assert 'data-every="2"' in page
    assert "Provisioning · 0 of 2 ready" in page
    assert part.status_code == 200
    assert "now-1-01" in part.content.decode()
    assert "Reserved 2 x 8 x H100 in eu-north-1." in part.content.decode()


def test_an_active_reservation_shows_how_to_log_in_and_looks_again_now_and_then(web, active):
    page = web.get(f"/reservations/{active.public_id}").content.decode()
    part = web.get(f"/reservations/{active.public_id}/live")

    server = Allocation.objects.get(hostname="now-1-02").server
    assert f"ssh -p 2222 ubuntu@{server.ssh_host}" in page
    assert f"[{server.ssh_host}]:2222 {HOST_KEY}" in page
    assert "The servers are yours until" in page
    assert re.search(r"\b(1 d|23 h 5\d min) left", page)
    assert b'data-every="30"' in part.content
    assert part.status_code == 200


def test_a_scheduled_reservation_says_when_it_starts_and_waits_longer(web, buyer):
    later = factories.reservation(buyer)

    page = web.get(f"/reservations/{later.public_id}").content.decode()

    assert 'data-every="20"' in page
    assert re.search(r"\bin 23 h 5\d min\b", page)
    assert "after 1 d" in page


def test_a_final_state_ends_the_polling(web, buyer):
    later = factories.reservation(buyer)
    lifecycle.cancel(scope=buyer, actor=buyer.actor, reservation=later)

    page = web.get(f"/reservations/{later.public_id}").content.decode()
    part = web.get(f"/reservations/{later.public_id}/live")

    assert "data-live" not in page
    assert part.status_code == 286
    assert b"data-every" not in part.content


def test_a_poll_renews_the_numbers_beside_the_navigation(web, active):
    page = web.get(f"/reservations/{active.public_id}").content.decode()
    part = web.get(f"/reservations/{active.public_id}/live").content.decode()

    assert '<span class="count" id="count-servers">2</span>' in page
    assert '<span class="count" id="count-servers" hx-swap-oob="true">2</span>' in part
    assert '<span class="count" id="count-reservations" hx-swap-oob="true">1</span>' in part


def test_the_log_is_escaped_and_says_what_failed(web, starting):
    part = OperationServer.objects.filter(operation__subject=starting.public_id).first()
    tell(actor=SYSTEM, subject=starting.public_id, event_type="server.failed", part=part, reason="<script>x</script>")

    page = web.get(f"/reservations/{starting.public_id}").content.decode()

    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x" not in page


@pytest.mark.parametrize("verb", ["", "/live", "/release", "/cancel"])
def test_another_tenants_reservation_does_not_exist(stranger, starting, verb):
    assert stranger.get(f"/reservations/{starting.public_id}{verb}").status_code == 404
    if verb in ("/release", "/cancel"):
        assert stranger.post(f"/reservations/{starting.public_id}{verb}").status_code == 404
    starting.refresh_from_db()
    assert starting.state == "provisioning"


def test_a_link_into_another_project_of_mine_offers_to_change_there_and_comes_back(web, starting, buyer):
    other = factories.project(buyer.organization, "second")
    address = f"/reservations/{starting.public_id}"
    web.post("/project", {"project": other.public_id})

    asked = web.get(address)
    changed = web.post("/project", {"project": buyer.project.public_id, "next": address})

    assert asked.status_code == 404
    assert f"this reservation is in {buyer.project.name} of" in asked.content.decode()
    assert starting.name not in asked.content.decode()
    assert changed.url == address
    assert web.get(address).status_code == 200


def test_release_wants_the_name_and_then_erases(web, active):
    address = f"/reservations/{active.public_id}/release"
    agreed = agreed_in(web.get(address))

    wrong = web.post(address, {"release-name": "other"})
    active.refresh_from_db()
    assert (wrong.status_code, active.state) == (422, "active")
    assert b"This is not now-1" in wrong.content

    right = web.post(address, {"release-name": "now-1", "agreed": agreed})
    active.refresh_from_db()
    assert (right.url, active.state) == (f"/reservations/{active.public_id}", "ending")
    assert set(Allocation.objects.values_list("state", flat=True)) == {"cleaning"}


def test_an_ended_reservation_says_that_its_servers_were_erased(web, active, buyer):
    lifecycle.release(scope=buyer, actor=buyer.actor, reservation=active)
    take_back(active)

    page = web.get(f"/reservations/{active.public_id}").content.decode()

    assert "Ended" in page
    assert page.count("Erased and returned") == 2
    assert "ssh -p" not in page


def test_a_reservation_with_failed_servers_names_them_and_why_also_when_it_is_over(web, starting, buyer):
    first, second = OperationServer.objects.filter(operation__subject=starting.public_id).order_by("position")
    first.state_reason = "The image's checksum was wrong."
    outcomes.server_failed(part=first)
    outcomes.server_ready(part=second, ssh_user="ubuntu")
    outcomes.deploy_finished(operation=second.operation)
    running = web.get(f"/reservations/{starting.public_id}").content.decode()

    starting.refresh_from_db()
    lifecycle.release(scope=buyer, actor=buyer.actor, reservation=starting)
    take_back(starting)
    over = web.get(f"/reservations/{starting.public_id}").content.decode()

    for page in (running, over):
        assert "1 of 2 could not be handed over" in page
        assert '<b class="mono">now-1-01</b> The image&#x27;s checksum was wrong.' in page
    assert "Degraded" in running
    assert running.count("ssh -p 2222") == 1


def test_ssh_lines_stand_under_their_host_names_and_can_be_copied_together(web, active):
    page = web.get(f"/reservations/{active.public_id}").content.decode()

    assert page.count('">now-1-0') == 2
    assert 'data-copy="logins"' in page
    assert 'data-copy="known-hosts"' in page
    assert "With ana@lab." in page


def test_release_of_what_is_not_active_is_refused_kindly(web, starting):
    reply = web.post(f"/reservations/{starting.public_id}/release", {"release-name": "now-1"}, follow=True)

    starting.refresh_from_db()
    assert starting.state == "provisioning"
    assert b"only an active reservation can be released" in reply.content


def test_cancel_asks_once_and_calls_off(web, buyer):
    later = factories.reservation(buyer)
    address = f"/reservations/{later.public_id}/cancel"
    assert web.get(address).status_code == 200

    reply = web.post(address)

    later.refresh_from_db()
    assert (reply.url, later.state) == (f"/reservations/{later.public_id}", "cancelled")
    assert b"can no longer be cancelled" in web.post(address, follow=True).content


def test_a_viewer_sees_but_cannot_end(buyer, active):
    viewer = browser_of(factories.scope(Role.VIEWER, buyer.project))

    page = viewer.get(f"/reservations/{active.public_id}").content
    reply = viewer.post(f"/reservations/{active.public_id}/release", {"release-name": "now-1"})

    active.refresh_from_db()
    assert b"Release early" not in page
    assert b"release-dialog" not in page
    assert b"Reserve servers" not in viewer.get("/reservations").content
    assert (reply.status_code, active.state) == (403, "active")


def test_lists_show_only_the_projects_own(web, stranger, active):
    for address in ("/", "/reservations", "/reservations?show=all", "/servers"):
        assert b"now-1" in web.get(address).content
        assert b"now-1" not in stranger.get(address).content


def test_the_search_box_goes_straight_to_a_single_hit(web, stranger, active):
    server = Server.objects.filter(allocations__reservation=active).first()

    for query in ("now", active.public_id, "now-1-01", server.public_id):
        assert web.get("/find", {"q": query}).url == reverse("web:reservation", args=[active.public_id])
        assert b"Nothing found" in stranger.get("/find", {"q": query}).content
    for query in ("", "%", "\x00", "x" * 5000):
        assert web.get("/find", {"q": query}).status_code == 200


def test_pages_do_not_ask_the_database_more_for_more_servers(web, buyer, django_assert_max_num_queries):
    made = factories.reservation(buyer, count=8, starts_at=clock.now() + factories.SOON)

    with django_assert_max_num_queries(20):
        web.get(f"/reservations/{made.public_id}")
    with django_assert_max_num_queries(12):
        web.get(f"/reservations/{made.public_id}/live", headers={"HX-Request": "true"})
