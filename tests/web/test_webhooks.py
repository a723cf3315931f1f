"""The pages of webhooks."""

import re

from portal.tenancy.roles import Role
from portal.webhooks.models import Attempt, Endpoint, Message
from tests import factories
from tests.api.world import nothing_changes
from tests.web.conftest import browser_of
from tests.webhooks import receiving

FIELDS = {"url": "https://example.com/hooks", "event_types": ["incident.opened", "invoice.issued"]}


def test_a_webhook_is_added_and_its_secret_shown_once(web):
    shown = web.post("/webhooks", FIELDS)
    hook = Endpoint.objects.get()
    (secret,) = set(re.findall(r"whsec_[\w+/=]+", shown.content.decode()))

    assert shown.headers["Cache-Control"] == "no-store"
    for address in ("/webhooks", f"/webhooks/{hook.public_id}"):
        page = web.get(address).content.decode()
        assert hook.url in page
        assert secret not in page
    second = web.post(f"/webhooks/{hook.public_id}/rotate").content.decode()
    assert "whsec_" in second
    assert secret not in second


def test_a_webhook_is_tried_out_switched_and_removed(web, buyer):
    hook, _ = receiving.endpoint(buyer)
    address = f"/webhooks/{hook.public_id}"
    assert web.post(f"{address}/ping").url == address
    message = Message.objects.get()
    Attempt.objects.create(message=message, status=500, duration_ms=3, answer="<script>x</script>")
    Message.objects.update(next_try_at=None)
    page = web.get(address).content.decode()
    assert "HTTP 500" in page
    assert "<script>x" not in page
    assert web.post(f"{address}/deliveries/{message.public_id}/resend").url == address
    assert Message.objects.get().standing == "waiting"
    web.post(f"{address}/switch")
    assert not Endpoint.objects.get().is_enabled
    assert b"enable it first" in web.post(f"{address}/ping", follow=True).content
    web.post(f"{address}/switch")
    assert Endpoint.objects.get().is_enabled
    assert web.post(f"{address}/remove").url == "/webhooks"
    assert not Endpoint.objects.exists()


def test_what_is_wrong_stands_on_its_field(web):
    with nothing_changes():
        for fields, field in (({"url": "http://example.com"}, "url"), ({"event_types": []}, "event_types")):
            reply = web.post("/webhooks", {**FIELDS, **fields})

            assert reply.status_code == 422
            assert f'id="id_{field}_error"' in reply.content.decode()


def test_an_operator_may_not_see_them_and_a_stranger_finds_none(buyer, stranger):
    hook, _ = receiving.endpoint(buyer)
    operator = browser_of(factories.scope(Role.OPERATOR, buyer.project))

    assert operator.get("/webhooks").status_code == 403
    assert operator.get(f"/webhooks/{hook.public_id}").status_code == 404
    assert stranger.post(f"/webhooks/{hook.public_id}/remove").status_code == 404
    assert Endpoint.objects.exists()
