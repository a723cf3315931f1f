"""Adding and removing SSH keys."""

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.core.errors import Forbidden, InvalidInput, NotFound
from portal.tenancy.models import NAME_LENGTH, SSHKey
from portal.tenancy.roles import Role
from portal.tenancy.services import add_ssh_key, remove_ssh_key
from tests import factories
from tests.racing import PATIENCE_S, Runner, await_blocked

pytestmark = pytest.mark.django_db

MAY_NOT = [Role.BILLING, Role.VIEWER]


def new_line(comment=""):
    public = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"{public} {comment}".strip()


def add(scope, **kwargs):
    return add_ssh_key(scope=scope, actor=scope.actor, **{"public_key": new_line(), **kwargs})


def trail():
    return list(AuditEvent.objects.order_by("pk").values_list("verb", "target", "actor_id", "scope", "data"))


def test_a_key_is_added_and_recorded_once():
    scope = factories.scope(Role.OPERATOR)

    key = add(scope, public_key=factories.KEY, name="  my   laptop ")

    key.refresh_from_db()
    assert (key.project, key.name, key.key_type, key.public_key) == (
        scope.project,
        "my laptop",
        "ssh-ed25519",
        factories.KEY,
    )
    data = {"name": "my laptop", "fingerprint": key.fingerprint}
    assert trail() == [("ssh_key.added", key.public_id, scope.actor.id, scope.organization.public_id, data)]


def test_without_a_name_the_comment_names_it_or_the_fingerprint():
    scope = factories.scope()

    assert add(scope, public_key=new_line("ana@lab")).name == "ana@lab"
    assert add(scope, public_key=new_line("x" * 95)).name == "x" * NAME_LENGTH
    unnamed = add(scope)
    assert unnamed.name == unnamed.fingerprint.removeprefix("SHA256:")[:16]


@pytest.mark.parametrize("name", ["x" * (NAME_LENGTH + 1), " \t ", "a\x00b", "a\u202eb", "\ud800"])
def test_an_unusable_name_is_refused(name):
    scope = factories.scope()

    with pytest.raises(InvalidInput) as refusal:
        add(scope, name=name)

    assert [(error.field, error.code) for error in refusal.value.errors] == [("name", "invalid_name")]
    assert (SSHKey.objects.count(), trail()) == (0, [])


@pytest.mark.parametrize("name", ["laptop", "LAPTOP", " Laptop "])
def test_a_name_is_taken_whatever_its_case(name):
    scope = factories.scope()
    first = add(scope, name="Laptop")

    with pytest.raises(InvalidInput) as refusal:
        add(scope, name=name)

    assert [(error.field, error.code) for error in refusal.value.errors] == [("name", "duplicate")]
    assert list(SSHKey.objects.all()) == [first]
    assert len(trail()) == 1


def test_a_key_is_had_once_whatever_its_comment_and_name():
    scope = factories.scope()
    first = add(scope, public_key=factories.KEY, name="one")

    with pytest.raises(InvalidInput) as refusal:
        add(scope, public_key=factories.KEY.replace("ana@lab", "elsewhere"), name="two")

    assert [(error.field, error.code) for error in refusal.value.errors] == [("public_key", "duplicate")]
    assert list(SSHKey.objects.all()) == [first]


@pytest.mark.django_db(transaction=True)
def test_a_key_that_comes_in_between_look_and_write_is_refused_alike():
    scope = factories.scope()
    written, free = threading.Event(), threading.Event()

    def add_and_wait():
        with transaction.atomic():
            key = add(scope, public_key=factories.KEY, name="one")
            written.set()
            free.wait(PATIENCE_S)
            return key

    first = Runner(add_and_wait)
    assert written.wait(PATIENCE_S)
    second = Runner(lambda: add(scope, public_key=factories.KEY, name="two"))
    await_blocked(1)
    free.set()

    assert list(SSHKey.objects.filter(pk=first.result().pk)) == list(SSHKey.objects.all())
    refusal = second.result()
    assert isinstance(refusal, InvalidInput)
    assert [(error.field, error.code) for error in refusal.errors] == [("public_key", "duplicate")]
    assert len(trail()) == 1


def test_another_project_may_have_the_same_key_and_name():
    one, two = factories.scope(), factories.scope()

    keys = [add(scope, public_key=factories.KEY, name="laptop") for scope in (one, two)]

    assert [key.project for key in keys] == [one.project, two.project]


@pytest.mark.parametrize("role", MAY_NOT)
def test_who_may_not_manage_keys_changes_nothing(role):
    scope = factories.scope(role)
    key = factories.ssh_key(scope.project)

    with pytest.raises(Forbidden):
        add(scope)
    with pytest.raises(Forbidden):
        remove_ssh_key(scope=scope, actor=scope.actor, key=key)

    assert list(SSHKey.objects.all()) == [key]
    assert trail() == []


def test_a_key_is_removed_and_recorded_once():
    scope = factories.scope()
    key, other = factories.ssh_key(scope.project), factories.ssh_key(scope.project)

    remove_ssh_key(scope=scope, actor=scope.actor, key=key)

    assert list(SSHKey.objects.all()) == [other]
    data = {"name": key.name}
    assert trail() == [("ssh_key.removed", key.public_id, scope.actor.id, scope.organization.public_id, data)]


def test_a_key_that_is_gone_cannot_be_removed_again():
    scope = factories.scope()
    key = factories.ssh_key(scope.project)
    same = SSHKey.objects.get(pk=key.pk)
    remove_ssh_key(scope=scope, actor=scope.actor, key=key)

    with pytest.raises(NotFound):
        remove_ssh_key(scope=scope, actor=scope.actor, key=same)

    assert len(trail()) == 1


def test_a_key_of_another_project_cannot_be_removed():
    scope = factories.scope()
    sister = factories.ssh_key(factories.project(scope.organization))
    foreign = factories.ssh_key(factories.project())

    for key in (sister, foreign):
        with pytest.raises(NotFound):
            remove_ssh_key(scope=scope, actor=scope.actor, key=key)

    assert set(SSHKey.objects.all()) == {sister, foreign}
    assert trail() == []
