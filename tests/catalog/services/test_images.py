"""Images: offered and withdrawn, and customers' own."""

import pytest
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.catalog.models import ImageImport, OSImage
from portal.catalog.services import images as services
from portal.catalog.services.images import Fetched, publish_image, request_import, withdraw_own
from portal.core.actors import SYSTEM
from portal.core.errors import Forbidden, ImageLimitReached, InvalidInput, StateConflict
from portal.tenancy.roles import Role
from tests import factories
from tests.racing import Runner, await_blocked

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("published, verb", [(True, "image.published"), (False, "image.withdrawn")])
def test_an_image_is_offered_or_withdrawn_and_recorded_once(published, verb):
    image = factories.image(is_published=not published)
    same = OSImage.objects.get(pk=image.pk)

    publish_image(actor=SYSTEM, image=image, published=published)
    publish_image(actor=SYSTEM, image=same, published=published)

    assert OSImage.objects.get().is_published == image.is_published == same.is_published == published
    assert list(AuditEvent.objects.values_list("verb", "target")) == [(verb, image.public_id)]


def test_only_that_image_changes():
    image, other = factories.image(), factories.image()

    publish_image(actor=SYSTEM, image=image, published=False)

    other.refresh_from_db()
    assert other.is_published


def written():
    return [list(model.objects.order_by("pk").values()) for model in (OSImage, ImageImport, AuditEvent)]


def test_an_import_waits_is_recorded_and_wakes_a_worker(django_capture_on_commit_callbacks, monkeypatch):
    sent = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args, **_: sent.append((name, args)))
    scope = factories.scope()

    with django_capture_on_commit_callbacks(execute=True):
        row = factories.image_import(scope, sha256=f" {factories.DIGEST.upper()} ")

    assert (row.state, row.project, row.sha256) == ("queued", scope.project, factories.DIGEST)
    assert row.state_deadline_at > row.created_at
    assert list(AuditEvent.objects.values_list("verb", "target")) == [("image_import.requested", row.public_id)]
    assert sent == [("provisioning.fetch_image", [row.pk])]


BAD = {
    "name": ["", " ", "x" * 81, "a\nb", "a\x00b"],
    "url": [
        "",
        "http://images.example.com/a.raw",
        "file:///etc/passwd",
        "https://",
        "https:///a",
        "https://user:pw@images.example.com/a",
        "https://images.example.com/a#b",
        "https://images.example.com/a b",
        "https://images.example.com:0/a",
        "https://images.example.com:99999/a",
        "https://[::1/a",
        "https://images.example.com/ä",
        "https://images.example.com/" + "a" * 2000,
        "images.example.com/a.raw",
    ],
    "sha256": ["", "5f", "g" * 64, "5f" * 33, "sha256:" + "5f" * 32],
    "default_user": ["", "Root", "a b", "-x", "x" * 33, "a;b", "{{ a }}"],
}


@pytest.mark.parametrize("field, value", [(field, value) for field, values in BAD.items() for value in values])
def test_a_bad_wish_is_a_field_error_and_changes_nothing(field, value):
    scope = factories.scope()
    before = written()

    with pytest.raises(InvalidInput) as refusal:
        factories.image_import(scope, **{field: value})

    assert [error.field for error in refusal.value.errors] == [field]
    assert written() == before


def test_everything_that_is_wrong_is_said_at_once():
    scope = factories.scope()

    with pytest.raises(InvalidInput) as refusal:
        request_import(scope=scope, actor=scope.actor, name="", url="x", sha256="", default_user="")

    assert {error.field for error in refusal.value.errors} == set(BAD)


@pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
def test_who_may_only_look_imports_and_withdraws_nothing(role):
    image = factories.own_image(owner := factories.scope())
    scope = factories.scope(role, owner.project)
    before = written()

    for act in (lambda: factories.image_import(scope), lambda: withdraw_own(scope=scope, actor=SYSTEM, image=image)):
        with pytest.raises(Forbidden):
            act()
    assert written() == before


def test_a_project_has_only_so_many(settings):
    settings.METALYARD_OWN_IMAGES = 2
    scope = factories.scope()
    image = factories.own_image(scope)
    factories.image_import(scope)
    before = written()

    with pytest.raises(ImageLimitReached) as refusal:
        factories.image_import(scope)

    assert refusal.value.extra == {"limit": 2}
    assert written() == before
    withdraw_own(scope=scope, actor=scope.actor, image=image)
    assert factories.image_import(scope).state == "queued"


def test_a_withdrawn_image_stays_withdrawn():
    scope = factories.scope()
    image = factories.own_image(scope)
    withdraw_own(scope=scope, actor=scope.actor, image=image)
    before = written()

    with pytest.raises(StateConflict):
        withdraw_own(scope=scope, actor=scope.actor, image=image)
    assert written() == before


def test_a_file_that_comes_too_late_or_is_another_changes_nothing():
    row = factories.image_import()
    fetched = Fetched("a.img", 1, factories.DIGEST, "none", 1, factories.DIGEST)
    before = written()

    with pytest.raises(StateConflict):
        services.finish_import(actor=SYSTEM, import_pk=row.pk, fetched=fetched)
    assert written() == before
    services.begin_import(actor=SYSTEM, import_pk=row.pk)
    before = written()
    other = Fetched("a.img", 1, "0" * 64, "none", 1, "0" * 64)
    with pytest.raises(StateConflict):
        services.finish_import(actor=SYSTEM, import_pk=row.pk, fetched=other)
    assert written() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "control"])
def test_two_imports_at_once_do_not_both_pass_the_limit(settings, monkeypatch, is_guarded):
    """The control leaves the lock out: then the project has one more than it may."""
    settings.METALYARD_OWN_IMAGES = 1
    scope = factories.scope()
    if not is_guarded:
        monkeypatch.setattr(services, "lock_row", lambda model, pk: model.objects.get(pk=pk))

    with transaction.atomic():
        factories.image_import(scope)
        second = Runner(lambda: factories.image_import(scope))
        if is_guarded:
            await_blocked(1)
        else:
            assert isinstance(second.result(), ImageImport)

    second.result()
    assert ImageImport.objects.count() == (1 if is_guarded else 2)
    assert isinstance(second.outcome, ImageLimitReached) == is_guarded
