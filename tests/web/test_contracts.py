"""The customer's pages of contracts: reading, and signing with name, title and tick."""

import pytest
from playwright.sync_api import expect

from portal.contracts.models import Signature
from portal.tenancy.roles import Role
from portal.tenancy.scope import Scope
from tests import factories
from tests.contracts import builders
from tests.contracts.builders import line
from tests.web.browser import SCHEMES, WIDTHS, needs_chromium, overflow, violations, watch
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    return builders.stage()


@pytest.fixture
def owner(scope):
    return browser_of(scope)


def address_of(contract):
    return f"/contracts/{contract.public_id}"


def test_who_may_commit_signs_with_name_title_and_tick(scope, owner):
    contract = builders.sent(scope)
    page = owner.get(address_of(contract))
    digest = page.context["form"].initial["sha256"]
    assert "86,400.00" in page.content.decode()

    wrong = owner.post(address_of(contract), {"name": "", "title": "CTO", "sha256": digest})
    assert wrong.status_code == 422
    unticked = owner.post(address_of(contract), {"name": "Ana", "title": "CTO", "sha256": digest})
    assert (unticked.status_code, list(unticked.context["form"].errors)) == (422, ["agreed"])
    assert not Signature.objects.exists()

    said = {"name": "Ana Ruiz", "title": "CTO", "agreed": "on", "sha256": digest}
    assert owner.post(address_of(contract), said).status_code == 302
    signature = Signature.objects.get()
    assert (signature.ip, signature.user.as_actor().id) == ("127.0.0.1", scope.actor.id)
    assert "Signed by Ana Ruiz, CTO" in owner.get(address_of(contract)).content.decode()
    assert owner.post(address_of(contract), said).status_code == 409


def test_who_may_not_commit_reads_only(scope):
    contract = builders.sent(scope)
    person = factories.member(scope.organization, Role.VIEWER)
    viewer = browser_of(Scope(person.as_actor(), scope.project, Role.VIEWER))

    assert "waits for the signature" in viewer.get(address_of(contract)).content.decode()
    said = {"name": "A", "title": "B", "agreed": "on", "sha256": contract.documents.get().sha256}
    assert viewer.post(address_of(contract), said).status_code == 403
    assert not Signature.objects.exists()


def test_drafts_are_not_there_and_the_list_says_what_is(scope, owner):
    assert "No contracts" in owner.get("/contracts").content.decode()
    hidden, contract = builders.quoted(scope, line(count=1)), builders.sent(scope, line(count=1))

    page = owner.get("/contracts").content.decode()
    assert address_of(contract) in page
    assert address_of(hidden) not in page
    assert owner.get(address_of(hidden)).status_code == 404
    assert owner.get(f"{address_of(contract)}.pdf").content.startswith(b"%PDF-")


@needs_chromium
@pytest.mark.django_db(transaction=True)
def test_a_person_signs_in_the_browser(open_page, scope):
    contract = builders.sent(scope, line(), line(count=1, sla_tier=builders.tier()))
    for width in WIDTHS:
        for scheme in SCHEMES:
            page = open_page(browser_of(scope), viewport={"width": width, "height": 900}, color_scheme=scheme)
            complaints = watch(page)
            page.goto(address_of(contract))
            expect(page.get_by_role("heading", name="Sign")).to_be_visible()
            assert (violations(page), overflow(page), complaints) == ([], 0, [])
    page.get_by_label("Your full name").fill("Ana Ruiz")
    page.get_by_label("Your title in the company").fill("CTO")
    page.get_by_label("I have read the document").check()
    page.get_by_role("button", name="Sign the contract").click()
    expect(page.get_by_text("is signed.")).to_be_visible()

    assert Signature.objects.get().title == "CTO"
