"""An image is entered as it was described, signed and built; anything else is refused and nothing is entered."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from portal.audit.models import AuditEvent
from portal.catalog.models import OSImage
from portal.catalog.services.adding import TEXTS, add_image
from portal.catalog.services.images import publish_image
from portal.catalog.signatures import SUFFIX
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.fleet.verify import key_id_of

pytestmark = pytest.mark.django_db
CONTENT = b"an image"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TOLD = {
    "slug": "debian-12", "name": "Debian", "version": "12", "default_user": "debian", "file_name": "debian-12.raw.zst",
    "encoding": "zstd", "size_bytes": len(CONTENT), "sha256": DIGEST, "disk_bytes": 1 << 20, "disk_sha256": "b" * 64,
}  # fmt: skip
KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


@pytest.fixture
def folder(tmp_path, settings):
    """The folder of images, with the one that is described, and a description that is signed."""
    settings.METALYARD_IMAGE_DIR = tmp_path
    settings.METALYARD_IMAGE_KEYS = [PUBLIC]
    (tmp_path / TOLD["file_name"]).write_bytes(CONTENT)
    written(tmp_path, TOLD)
    return tmp_path


def written(folder, told):
    """Write and sign a description."""
    path = folder / "debian-12.json"
    path.write_text(json.dumps(told))
    path.with_name(path.name + SUFFIX).write_bytes(KEY.sign(path.read_bytes()))
    return path


def add(folder, told=TOLD, *, signature=None, **options):
    description = json.dumps(told).encode()
    by = KEY.sign(description) if signature is None else signature
    return add_image(actor=SYSTEM, description=description, signature=by, folder=folder, **options)


def test_the_command_enters_what_was_built_and_signed(folder, capsys):
    call_command("add_image", str(folder / "debian-12.json"))

    image = OSImage.objects.get()
    assert {name: getattr(image, name) for name in TOLD} == TOLD
    assert (image.signed_by, image.is_published) == (key_id_of(base64.b64decode(PUBLIC)), True)
    assert "debian-12 is in the catalogue (signed by " in capsys.readouterr().out
    assert AuditEvent.objects.get(verb="image.added").data["signed_by"] == image.signed_by


def test_it_may_wait_for_staff_under_another_name(folder):
    image = add(folder, slug="debian-12-b", published=False)

    assert (image.slug, image.is_published) == ("debian-12-b", False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sha256": "c" * 64}, "sha256"),
        ({"size_bytes": 9}, "sha256"),
        ({"size_bytes": "8"}, "description"),
        ({"file_name": "other.img"}, "file_name"),
        ({"file_name": "../etc/passwd"}, "file_name"),
        ({"file_name": "a" * 300}, "file_name"),
        ({"slug": "De bian"}, "slug"),
        ({"name": "x" * 81}, "name"),
        ({"encoding": "gzip"}, "encoding"),
        ({"disk_bytes": True}, "description"),
        ({"disk_bytes": 0}, "__all__"),
        ({"file_name": "a\n"}, "file_name"),
        ({"encoding": "none"}, "__all__"),
        *(({name: None}, "description") for name in TEXTS),
    ],
)
def test_what_is_not_as_described_is_refused(folder, change, field):
    with pytest.raises(InvalidInput) as refused:
        add(folder, {**TOLD, **change})

    assert [error.field for error in refused.value.errors] == [field]
    assert not OSImage.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "signature",
    [bytes(64), b"short", STRANGER.sign(json.dumps(TOLD).encode())],
    ids=["zeros", "short", "a stranger's"],
)
def test_a_signature_of_nobody_who_is_trusted_is_refused(folder, signature):
    with pytest.raises(InvalidInput, match="No trusted key"):
        add(folder, signature=signature)

    assert not OSImage.objects.exists()


def test_the_same_image_is_not_entered_twice(folder):
    add(folder)

    with pytest.raises(InvalidInput, match="already exists"):
        add(folder)

    assert OSImage.objects.count() == 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "debian-12.json.sig").unlink(), "not signed"),
        (lambda folder: (folder / "debian-12.json").write_text(json.dumps(TOLD) + " "), "No trusted key"),
        (lambda folder: (folder / "debian-12.json").unlink(), "No such file"),
        (lambda folder: written(folder, {}), "no JSON object with slug"),
    ],
)
def test_the_command_says_what_is_wrong(folder, spoil, words):
    spoil(folder)

    with pytest.raises(CommandError, match=words):
        call_command("add_image", str(folder / "debian-12.json"))

    assert not OSImage.objects.exists()


def test_where_no_key_is_trusted_nothing_is_said_to_be_signed(folder, settings):
    settings.METALYARD_IMAGE_KEYS = []

    assert add(folder).signed_by == ""


def test_a_key_that_is_none_is_an_error_of_the_installation(folder, settings):
    settings.METALYARD_IMAGE_KEYS = ["AAAA"]

    with pytest.raises(ImproperlyConfigured, match="METALYARD_IMAGE_KEYS"):
        add(folder)

    assert not OSImage.objects.exists()


def test_what_nobody_trusted_has_signed_is_not_offered_again(folder, settings):
    image = add(folder)
    publish_image(actor=SYSTEM, image=image, published=False)
    settings.METALYARD_IMAGE_KEYS = [base64.b64encode(bytes(range(32))).decode()]

    with pytest.raises(StateConflict, match="No key that is trusted now"):
        publish_image(actor=SYSTEM, image=image, published=True)

    image.refresh_from_db()
    assert image.is_published is False
    settings.METALYARD_IMAGE_KEYS = [PUBLIC]
    publish_image(actor=SYSTEM, image=image, published=True)
    image.refresh_from_db()
    assert image.is_published is True


def test_the_database_keeps_signatures_whole(folder):
    image = add(folder)

    with pytest.raises(IntegrityError, match="os_image_signed_whole"):
        OSImage.objects.filter(pk=image.pk).update(signature="")
