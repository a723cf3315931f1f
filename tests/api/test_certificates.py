"""Certificates of erasure as tenants get them, and the keys as anybody does."""

import json
from datetime import timedelta

import pytest
from django.test import Client

from portal.fleet.models import ErasureCertificate, Server
from portal.fleet.verify import keys_in, read
from portal.operations.models import OperationServer
from portal.reservations.services import lifecycle
from tests import factories, hands
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes


@pytest.fixture
def ended(noon, buyer, api):
    """Return a reservation whose two servers were handed over, taken back and erased."""
    reservation = hands.active(buyer, count=2)
    lifecycle.release(scope=buyer, actor=buyer.actor, reservation=reservation)
    return hands.work(reservation)


def keys():
    return keys_in(Client().get("/api/v1/certificate-keys").content)


def test_each_drive_of_each_server_that_was_taken_back_has_one(ended, api, buyer):
    page = api.get(f"/reservations/{ended.public_id}/certificates").json()

    servers = Server.objects.filter(allocations__reservation=ended).order_by("pk")
    documents = [entry["certificate"] for entry in page["data"]]
    assert {document["server"]["id"] for document in documents} == {server.public_id for server in servers}
    assert {document["reservation"] for document in documents} == {ended.public_id}
    assert {document["project"] for document in documents} == {buyer.project.public_id}
    assert page["next_cursor"] is None


def test_the_file_verifies_offline_with_the_published_keys(ended, api):
    listed = api.get(f"/reservations/{ended.public_id}/certificates").json()["data"]

    for entry in listed:
        reply = api.get(f"/certificates/{entry['certificate']['id']}")
        assert reply.headers["Content-Type"] == "application/json"
        assert read(reply.content, keys()) == entry["certificate"]
        assert json.loads(reply.content)["signature"] == entry["signature"]


def test_the_page_is_a_pdf(ended, api):
    name = api.get(f"/reservations/{ended.public_id}/certificates").json()["data"][0]["certificate"]["id"]

    reply = api.get(f"/certificates/{name}.pdf")

    assert (reply.headers["Content-Type"], reply.content[:5]) == ("application/pdf", b"%PDF-")


def test_what_staff_erased_anew_after_a_failed_release_is_certified_to_its_tenant_once(noon, buyer, api):
    reservation = hands.active(buyer, count=2)
    lifecycle.release(scope=buyer, actor=buyer.actor, reservation=reservation)
    hands.work(reservation, failing=[0])
    address = f"/reservations/{reservation.public_id}/certificates"
    assert len(api.get(address).json()["data"]) == 1
    server = Server.objects.get(state="quarantined")

    noon.shift(timedelta(days=1))
    hands.erase(server)

    listed = [entry["certificate"] for entry in api.get(address).json()["data"]]
    assert [document["server"]["id"] for document in listed][1:] == [server.public_id]
    assert listed[1]["operation"] != listed[0]["operation"]
    assert read(api.get(f"/certificates/{listed[1]['id']}").content, keys()) == listed[1]
    Server.objects.filter(pk=server.pk).update(state="quarantined")
    noon.shift(timedelta(days=1))
    hands.erase(server)
    assert [entry["certificate"] for entry in api.get(address).json()["data"]] == listed
    assert ErasureCertificate.objects.order_by("pk").last().project is None


def test_a_server_that_failed_while_its_tenant_had_it_is_certified_too(noon, buyer, api):
    reservation = hands.active(buyer)
    OperationServer.objects.update(stage="image")
    server = Server.objects.get(allocations__reservation=reservation)
    Server.objects.filter(pk=server.pk).update(state="quarantined")

    noon.shift(timedelta(hours=1))
    hands.erase(server)

    (entry,) = api.get(f"/reservations/{reservation.public_id}/certificates").json()["data"]
    assert entry["certificate"]["project"] == buyer.project.public_id


def test_before_it_is_taken_back_there_is_none(api, active):
    assert api.get(f"/reservations/{active.public_id}/certificates").json() == {"data": [], "next_cursor": None}


def test_anothers_certificates_are_not_there(ended, api):
    name = api.get(f"/reservations/{ended.public_id}/certificates").json()["data"][0]["certificate"]["id"]
    other = Api(factories.token(factories.buyer().project)[1])

    with nothing_changes():
        for address in (
            f"/reservations/{ended.public_id}/certificates",
            f"/certificates/{name}",
            f"/certificates/{name}.pdf",
        ):
            assert_problem(other.get(address), 404, "not_found")


@pytest.mark.django_db
def test_the_keys_are_for_everybody():
    reply = Client().get("/api/v1/certificate-keys")

    (key,) = reply.json()["keys"]
    assert reply.status_code == 200
    assert (key["algorithm"], list(keys())) == ("Ed25519", [key["key_id"]])
