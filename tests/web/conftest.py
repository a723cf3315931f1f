"""People at their browsers."""

import pytest
from django.test import Client
from playwright.sync_api import sync_playwright
from time_machine import travel

from portal.core import clock
from portal.operations.models import OperationServer
from portal.reservations.services import outcomes
from tests import factories
from tests.web.browser import ARGUMENTS, CHROMIUM, PATIENCE_MS

HOST_KEY = factories.HOST_KEY


@pytest.fixture
def far_from_midnight():
    """Let it be about noon: the days that pages show must not become others while a test looks at them."""
    with travel(clock.now().replace(hour=12), tick=True):
        yield


@pytest.fixture
def buyer(db):
    """Return a scope that can reserve, in a region with eight free servers."""
    made = factories.buyer()
    factories.servers(8)
    factories.image()
    return made


@pytest.fixture
def web(buyer):
    """Return a logged-in browser of the buyer."""
    return browser_of(buyer)


def browser_of(scope):
    """Return a browser in which a person of the scope's project is logged in."""
    person = scope.organization.memberships.get(user__public_id=scope.actor.id).user
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def stranger(db):
    """Return a logged-in browser of another tenant."""
    return browser_of(factories.buyer())


@pytest.fixture
def plan():
    """Return the fields of a search that fits."""
    return {
        "type": "h100x8",
        "region": "eu-north-1",
        "count": "2",
        "placement": "same_fabric",
        "start": "",
        "length": "1d",
        "end": "",
    }


@pytest.fixture
def order(buyer, plan):
    """Return the fields of a complete reserve form."""
    return plan | {
        "name": "train-7b",
        "image": buyer_image().public_id,
        "ssh_keys": [key.public_id for key in buyer.project.ssh_keys.all()],
        "new_key": "",
        "new_key_name": "",
        "user_data": "",
    }


def buyer_image():
    """Return the one published image."""
    return factories.OSImage.objects.get()


def take_back(reservation):
    """Take the servers of an ending reservation back, as the outcome path does."""
    parts = OperationServer.objects.filter(operation__subject=reservation.public_id, operation__kind="release")
    for part in parts:
        outcomes.server_returned(part=part)
    parts.update(state="succeeded")
    outcomes.release_finished(operation=part.operation)
    reservation.refresh_from_db()


@pytest.fixture
def starting(buyer):
    return factories.reservation(buyer, name="now-1", count=2, starts_at=clock.now() + factories.SOON)


@pytest.fixture
def active(starting):
    """Return an active reservation, brought there by the services that the outcome path calls."""
    assert factories.hand_over(starting).state == "active"
    return starting


@pytest.fixture(scope="module")
def chromium():
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's loop lives in this thread; Django would refuse the test's own queries beside it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
            yield browser
            browser.close()


@pytest.fixture
def open_page(chromium, live_server):
    """Return a function that opens a window, logged in as somebody if asked."""
    contexts = []

    def open_one(login=None, **options):
        context = chromium.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        if login:
            session = login.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
