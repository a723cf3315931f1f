"""SSH keys, quotas, projects and colours."""

import pytest
from django.test import Client

from portal.tenancy.models import SSHKey
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of


def test_adding_and_deleting_a_key(web, buyer):
    buyer.project.ssh_keys.all().delete()

    assert web.post("/ssh-keys", {"public_key": factories.KEY, "name": ""}).url == "/ssh-keys"
    key = SSHKey.objects.get()
    assert (key.project, key.name) == (buyer.project, "ana@lab")

    assert web.get(f"/ssh-keys/{key.public_id}/delete").status_code == 200
    assert web.post(f"/ssh-keys/{key.public_id}/delete").url == "/ssh-keys"
    assert not SSHKey.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"public_key": ""}, "public_key"),
        ({"public_key": "hello"}, "public_key"),
        ({"public_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nx"}, "public_key"),
        ({"public_key": factories.KEY + "\n" + factories.KEY}, "public_key"),
        ({"public_key": factories.KEY, "name": "x" * 81}, "name"),
        ({"public_key": "\x00"}, "public_key"),
    ],
)
def test_a_bad_key_is_named_on_its_field_and_kept(web, fields, field):
    before = SSHKey.objects.count()

    reply = web.post("/ssh-keys", fields)

    assert reply.status_code == 422
    assert f'id="id_{field}_error"' in reply.content.decode()
    assert SSHKey.objects.count() == before


def test_a_foreign_key_does_not_exist(stranger, buyer):
    key = buyer.project.ssh_keys.get()

    assert stranger.get(f"/ssh-keys/{key.public_id}/delete").status_code == 404
    assert stranger.post(f"/ssh-keys/{key.public_id}/delete").status_code == 404
    assert SSHKey.objects.filter(pk=key.pk).exists()


def test_a_viewer_may_not_add_keys(buyer):
    viewer = browser_of(factories.scope(Role.VIEWER, buyer.project))

    reply = viewer.post("/ssh-keys", {"public_key": factories.KEY})

    assert reply.status_code == 403
    assert SSHKey.objects.count() == 1


def test_quotas_show_what_is_in_use_now(web, buyer):
    factories.reservation(buyer, count=3)
    assert b"0 of 64 servers" in web.get("/quotas").content

    factories.reservation(buyer, count=2, starts_at=None)

    assert b"2 of 64 servers" in web.get("/quotas").content


def test_switching_the_project_changes_what_is_seen_and_foreign_ones_do_not_exist(web, buyer):
    other = factories.project(buyer.organization, "second")
    factories.reservation(buyer, name="in-first")
    foreign = factories.project()

    assert web.post("/project", {"project": foreign.public_id}).status_code == 404
    assert web.post("/project", {"project": "\x00"}).status_code == 404
    assert b"in-first" in web.get("/reservations").content
    assert web.post("/project", {"project": other.public_id}).url == "/"
    assert b"in-first" not in web.get("/reservations").content


def test_a_project_that_was_left_falls_back_to_the_first(web, buyer):
    session = web.session
    session["project"] = factories.project().public_id
    session.save()

    assert buyer.project.name in web.get("/").content.decode()


@pytest.mark.parametrize(("chosen", "seen"), [("dark", "dark"), ("light", "light"), ("<b>", "system")])
def test_colours_are_a_cookie_that_works_without_scripts(chosen, seen):
    client = Client()

    reply = client.post("/theme", {"theme": chosen, "next": "/ui/"})

    assert reply.url == "/ui/"
    assert f'data-theme="{seen}"' in client.get("/ui/").content.decode()
