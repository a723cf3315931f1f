"""The boot medium of one boot, as BMCs and firmware fetch it."""

import json
import os
from hashlib import sha256

import pytest
from django.test import Client

from portal.api.ranges import asked_range
from portal.core import clock
from portal.operations.models import BootToken, Operation
from portal.operations.services import agents
from portal.operations.services.media import medium_of, sweep_media
from tests import factories
from tests.api.client import assert_problem
from tests.api.test_agents import awaiting

MARK = b"METALYARD-BOOT-PLACEHOLDER".ljust(4096, b"\n")
BEFORE, AFTER = b"\x01" * 6144, b"\x02" * 3000


@pytest.fixture
def folder(settings, tmp_path):
    settings.METALYARD_MEDIA_DIR = tmp_path / "media"
    settings.METALYARD_MEDIA_DIR.mkdir()
    (settings.METALYARD_MEDIA_DIR / "deploy.iso").write_bytes(BEFORE + MARK + AFTER)
    told = {"placeholder_offset": len(BEFORE), "placeholder_bytes": len(MARK)}
    (settings.METALYARD_MEDIA_DIR / "deploy.iso.json").write_text(json.dumps(told))
    return settings.METALYARD_MEDIA_DIR


@pytest.fixture
def token(noon, buyer):
    """The token of a boot that is to be imaged."""
    factories.reservation(buyer, name="now-1", count=1, starts_at=None)
    return awaiting(Operation.objects.get(), "image", "image")[1]


def fetch(token, method="get", **headers):
    return getattr(Client(), method)(f"/agent/v1/media/{token}.iso", headers=headers)


def whole(settings, token, more=b""):
    line = f"BOOT_URL={settings.METALYARD_AGENT_URL}/agent/v1/boot/{token}\n".encode()
    return BEFORE + (line + more).ljust(4096, b"\n") + AFTER


def body(reply):
    return b"".join(reply.streaming_content)


def media(folder):
    return sorted((folder / "boots").iterdir()) if (folder / "boots").exists() else []


def test_the_medium_tells_the_address_of_its_boot(folder, token, settings):
    reply = fetch(token)

    assert reply.status_code == 200
    assert body(reply) == whole(settings, token)
    assert (reply["Content-Length"], reply["Accept-Ranges"], reply["Cache-Control"]) == ("13240", "bytes", "no-store")
    assert reply["Content-Type"] == "application/vnd.efi-iso"
    (path,) = media(folder)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert token not in path.name


def test_the_authority_of_the_portal_goes_with_it(folder, token, settings, tmp_path):
    (tmp_path / "ca.pem").write_text("PEM\n")
    settings.METALYARD_AGENT_CA_FILE = str(tmp_path / "ca.pem")

    assert body(fetch(token)) == whole(settings, token, b"CA_PEM_BASE64=UEVNCg==\n")


def test_one_range_of_it(folder, token, settings):
    reply = fetch(token, Range="bytes=6144-6152")

    assert (reply.status_code, body(reply)) == (206, b"BOOT_URL=")
    assert (reply["Content-Range"], reply["Content-Length"]) == ("bytes 6144-6152/13240", "9")
    assert fetch(token, Range="bytes=13240-").status_code == 416


def test_its_size_without_its_bytes(folder, token):
    reply = fetch(token, "head")

    assert (reply.status_code, reply["Content-Length"], reply.content) == (200, "13240", b"")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", None),
        ("bytes=0-", (0, 10)),
        ("bytes=2-3", (2, 2)),
        ("bytes=-3", (7, 3)),
        ("bytes=-30", (0, 10)),
        ("bytes=5-99", (5, 5)),
        ("bytes=10-", (10, 0)),
        ("bytes=-0", (10, 0)),
        ("bytes=3-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
    ],
)
def test_what_a_range_header_asks_for(header, found):
    assert asked_range(header, 10) == found


def no_such(token):
    assert_problem(fetch(token), 404, "not_found")


def test_a_boot_that_has_begun_its_job_has_no_medium(folder, token):
    medium_of(token)
    agents.open_boot(token=token, address="")

    no_such(token)
    assert sweep_media() == 1
    assert media(folder) == []


@pytest.mark.parametrize("change", [{"revoked_at": "now"}, {"expires_at": "now"}, {"purpose": "first_boot"}])
def test_a_boot_that_is_over_or_none_has_no_medium(folder, token, change):
    medium_of(token)
    BootToken.objects.update(**{name: clock.now() if value == "now" else value for name, value in change.items()})

    no_such(token)
    assert sweep_media() == 1
    no_such("nobody")
    assert media(folder) == []


def test_the_sweep_keeps_what_is_waited_for_and_what_is_being_made(folder, token):
    medium_of(token)
    young = folder / "boots" / "young.part"
    young.write_bytes(b"")
    os.utime(young, (clock.now().timestamp(),) * 2)

    assert sweep_media() == 0
    assert [path.name for path in media(folder)] == [f"{sha256(token.encode()).hexdigest()}.iso", "young.part"]


@pytest.mark.parametrize("spoil", ["deploy.iso", "deploy.iso.json"])
def test_without_a_template_there_is_no_medium(folder, token, spoil):
    (folder / spoil).unlink()

    no_such(token)
    assert media(folder) == []


def test_a_template_without_its_placeholder_is_not_used(folder, token):
    (folder / "deploy.iso").write_bytes(bytes(20_000))

    no_such(token)
    assert media(folder) == []
