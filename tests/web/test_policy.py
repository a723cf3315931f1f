"""Headers, error pages and markup rules that hold for every page."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver

from portal.web import urls

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STATIC = Path(settings.BASE_DIR) / "portal" / "web" / "static" / "web"


def test_the_policy_of_customer_pages_allows_nothing_inline(web):
    policy = web.get("/").headers["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_only_the_staff_pages_may_evaluate(db):
    policy = Client().get("/admin/login/").headers["Content-Security-Policy"]

    assert "script-src 'self' 'unsafe-eval'" in policy
    assert "frame-ancestors 'none'" in policy


def test_tenant_pages_are_kept_in_no_cache(web):
    assert web.get("/reservations").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("web/**/*.html")), ids=lambda path: path.name)
def test_no_template_needs_a_weaker_policy(path):
    text = path.read_text()

    assert not re.search(r"\sstyle=|\son[a-z]+=|hx-on|hx-vars|<style|js:|javascript:", text)
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert not re.search(r'hx-trigger="[^"]*\[', text), "trigger filters need eval"


def test_every_icon_that_is_used_is_in_the_sprite():
    sprite = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (STATIC / "icons.svg").read_text()))
    used = set()
    for path in TEMPLATES.glob("web/**/*.html"):
        used |= set(re.findall(r'(?:{% icon |icon=)"([a-z0-9-]+)"', path.read_text()))

    assert len(used) > 15
    assert used <= sprite


def test_pages_that_are_not_there_look_like_ours(web):
    for address in ("/nowhere", "/reservations/res_nothing", "/ssh-keys/key_x/delete"):
        reply = web.get(address)

        assert reply.status_code == 404
        assert b"it is not yours" in reply.content


def test_a_fault_shows_our_page_without_any_context(db):
    client = Client(raise_request_exception=False)
    reply = get_resolver().resolve_error_handler(500)(client.get("/ui/").wsgi_request)

    assert reply.status_code == 500
    assert b"Something broke on our side" in reply.content
    assert b"css/tokens.css" in reply.content


def test_every_page_needs_a_login_but_the_few_that_hold_no_data(db):
    client = Client()
    free = {"login", "logout", "theme", "gallery", "prices", "status", "stripe-message"}
    for route in urls.urlpatterns:
        address = "/" + re.sub(r"<[^>]+>", "res_x", str(route.pattern))
        reply = client.post(address) if route.name == "project" else client.get(address)

        if route.name in free:
            assert reply.status_code in (200, 405), route.name
        else:
            assert (reply.status_code, reply.url.split("?")[0]) == (302, "/login"), route.name


def test_posts_without_the_token_are_refused(buyer, web):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = web.cookies

    reply = strict.post("/ssh-keys", {"public_key": "x"})

    assert reply.status_code == 403
    assert b"nothing was done" in reply.content
