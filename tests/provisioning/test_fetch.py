"""Customers' own images, fetched by the real child process from a real https server."""

import hashlib
import http.server
import ipaddress
import json
import os
import pwd
import re
import ssl
import threading
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from portal.audit.models import AuditEvent
from portal.catalog.import_failures import IMPORT_FAILURES
from portal.catalog.models import ImageImport, OSImage
from portal.core import clock
from portal.launcher import tls
from provisioning import fetch, fetch_child, reconcile
from provisioning.fetch_child import FetchFailed, public_address
from tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("fetch")]

DISK = os.urandom(512) + b"EFI PART" + os.urandom(3 * 1024 * 1024)
"""A disk as far as anybody looks: a GPT's mark where it belongs."""
PACKED = zstandard.compress(DISK)
TWO_FRAMES = zstandard.compress(DISK[:1000]) + zstandard.compress(DISK[1000:])


class Files(http.server.BaseHTTPRequestHandler):
    """A host of images, some of which are not what they seem."""

    files: dict[str, bytes] = {}
    moved: dict[str, str] = {}
    asked: list[str] = []

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.asked.append(self.path)
        if path in self.moved:
            self.send_response(302)
            self.send_header("Location", self.moved[path])
            self.end_headers()
            return
        body = self.files.get(path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        if not path.startswith("/endless"):
            self.send_header("Content-Length", str(len(body) + (1000 if path.startswith("/cut") else 0)))
        self.end_headers()
        try:
            for _ in range(1000 if path.startswith("/endless") else 1):
                self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return tls.ensure(tmp_path_factory.mktemp("host") / "tls", "127.0.0.1")


@pytest.fixture
def host(certificates):
    """Return the address of a host of images."""
    Files.files = {
        "/base.raw": DISK,
        "/base.raw.zst": PACKED,
        "/frames.zst": TWO_FRAMES,
        "/short.zst": PACKED[:-1000],
        "/bomb.zst": zstandard.compress(DISK + bytes(64 * 1024 * 1024)),
        "/vm.qcow2": b"QFI\xfb" + bytes(4096),
        "/empty.raw": b"",
        "/cut.raw": DISK,
        "/endless.raw": DISK,
    }
    Files.moved = {
        "/latest": "/base.raw",
        "/loop": "/loop",
        "/plain": "http://127.0.0.1/x",
        "/in": "https://127.0.0.2/",
    }
    Files.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificates.certificate, certificates.key)
    server.socket = trust.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def lab(settings, certificates, tmp_path):
    """Open this machine to imports, which no production portal does, and keep images in a folder of the test."""
    settings.METALYARD_IMAGE_DIR = tmp_path / "images"
    settings.METALYARD_IMPORT_NETWORKS = ["127.0.0.1/32"]
    settings.METALYARD_IMPORT_CA_FILE = str(certificates.ca)
    settings.METALYARD_IMPORT_MOST_DISK_BYTES = 32 * 1024 * 1024
    settings.METALYARD_IMPORT_MOST_BYTES = 16 * 1024 * 1024
    return settings


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def imported(url, data=DISK):
    """Ask for an image, have it fetched, and return what became of it."""
    row = factories.image_import(url=url, sha256=sha256(data))
    fetch.fetch_image(row.pk)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    "path, data, encoding",
    [
        ("/base.raw", DISK, "none"),
        ("/base.raw?signature=x%2Fy", DISK, "none"),
        ("/latest", DISK, "none"),
        ("/base.raw.zst", PACKED, "zstd"),
        ("/frames.zst", TWO_FRAMES, "zstd"),
    ],
)
def test_an_image_is_fetched_checked_and_in_the_catalogue(host, lab, path, data, encoding):
    row = imported(host + path, data)

    image = OSImage.objects.get()
    assert (row.state, row.image, image.project) == ("imported", image, row.project)
    assert (image.encoding, image.size_bytes, image.sha256) == (encoding, len(data), sha256(data))
    assert (image.disk_bytes, image.disk_sha256) == (len(DISK), sha256(DISK))
    assert (lab.METALYARD_IMAGE_DIR / image.file_name).read_bytes() == data
    assert [path.name for path in lab.METALYARD_IMAGE_DIR.iterdir()] == [image.file_name]


WRONG = {
    "/absent.raw": "http_status",
    "/short.zst": "damaged",
    "/bomb.zst": "disk_too_large",
    "/vm.qcow2": "format_unknown",
    "/empty.raw": "format_unknown",
    "/cut.raw": "unreachable",
    "/endless.raw": "too_large",
    "/loop": "redirect_forbidden",
    "/plain": "redirect_forbidden",
    "/in": "address_forbidden",
}


@pytest.mark.parametrize("path, code", WRONG.items())
def test_what_is_no_image_is_refused_with_the_reason_and_leaves_nothing(host, lab, path, code):
    row = imported(host + path, Files.files.get(path, b""))

    assert (row.state, row.error_code, row.state_reason) == ("failed", code, IMPORT_FAILURES[code])
    assert not OSImage.objects.exists()
    assert list(lab.METALYARD_IMAGE_DIR.iterdir()) == []


def test_another_digest_is_refused(host, lab):
    row = imported(f"{host}/base.raw", b"something else")

    assert (row.state, row.error_code) == ("failed", "digest_mismatch")
    assert list(lab.METALYARD_IMAGE_DIR.iterdir()) == []


def test_addresses_inside_are_not_even_asked(host, lab, settings):
    settings.METALYARD_IMPORT_NETWORKS = []

    row = imported(f"{host}/base.raw")

    assert (row.error_code, Files.asked) == ("address_forbidden", [])


def test_a_certificate_of_nobody_known_is_refused(host, lab, settings):
    settings.METALYARD_IMPORT_CA_FILE = ""

    row = imported(f"{host}/base.raw")

    assert (row.error_code, Files.asked) == ("tls_failed", [])


INSIDE = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1"]
INSIDE += ["0.0.0.0", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "ff02::1", "192.0.2.1"]  # noqa: S104
INSIDE += ["::127.0.0.1", "::10.0.0.1", "fec0::1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:a00:1::1"]


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_ours_is_public(address):
    with pytest.raises(FetchFailed) as refused:
        public_address(address, 443, ())
    assert refused.value.code == "address_forbidden"


def test_the_way_through_a_gateway_to_a_public_address_is_open():
    assert public_address("64:ff9b::93.184.216.34", 443, ()) == "64:ff9b::5db8:d822"
    assert public_address("64:ff9b::10.0.0.1", 443, ("64:ff9b::/96",)) == "64:ff9b::a00:1"


@given(st.ip_addresses())
def test_only_global_addresses_are_connected_to(address):
    inner = address
    if address.version == 6 and (address.ipv4_mapped or address.packed[:12] == b"\x00\x64\xff\x9b" + bytes(8)):
        inner = ipaddress.ip_address(address.packed[-4:])
    is_routed = inner.version == 4 or (0x20 <= inner.packed[0] < 0x40 and inner.packed[:2] != b"\x20\x02")
    if inner.is_global and not inner.is_multicast and is_routed:
        assert ipaddress.ip_address(public_address(str(address), 443, ())) == address
    else:
        with pytest.raises(FetchFailed, match=re.escape(str(address))):
            public_address(str(address), 443, ())


def test_a_name_with_one_inner_address_among_public_ones_is_refused(monkeypatch):
    """The edge is the name server: it answers with both."""
    answer = [(2, 1, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.5")]
    monkeypatch.setattr(fetch_child.socket, "getaddrinfo", lambda *_args, **_more: answer)

    with pytest.raises(FetchFailed, match=r"10\.0\.0\.5"):
        public_address("images.example.com", 443, ())


SPY = """
import json, os, sys
sys.path.insert(0, {folder!r})
import fetch_child
def spied(*_):
    raise fetch_child.FetchFailed("damaged", json.dumps([os.getuid(), os.getgroups(), sorted(os.environ)]))
fetch_child.fetch = spied
fetch_child.main()
"""


def test_the_child_knows_no_secret_and_is_nobody(host, lab, monkeypatch, tmp_path):
    """In the place of the download it says who it is and what it knows."""
    spy = tmp_path / "spy.py"
    spy.write_text(SPY.format(folder=str(Path(fetch_child.__file__).parent)))
    monkeypatch.setattr(fetch_child, "__file__", str(spy))

    imported(f"{host}/base.raw")

    event = AuditEvent.objects.filter(verb="image_import.state_changed").latest("pk")
    uid, groups, names = json.loads(event.data["detail"])
    assert set(names) <= {"PATH", "LANG", "LC_CTYPE"}
    assert (uid, groups) == ((pwd.getpwnam("nobody").pw_uid, []) if os.getuid() == 0 else (os.getuid(), os.getgroups()))


def test_a_child_that_dies_is_an_interruption(host, lab, monkeypatch, tmp_path):
    monkeypatch.setattr(fetch_child, "__file__", str(tmp_path / "absent.py"))

    row = imported(f"{host}/base.raw")

    assert (row.state, row.error_code) == ("failed", "interrupted")


def test_one_import_is_fetched_once_and_one_at_a_time(host, lab):
    first, second = (factories.image_import(url=f"{host}/base.raw", sha256=sha256(DISK)) for _ in range(2))
    ImageImport.objects.filter(pk=first.pk).update(state="fetching")

    fetch.fetch_image(first.pk)
    fetch.fetch_image(second.pk)

    assert set(ImageImport.objects.values_list("state", flat=True)) == {"fetching", "queued"}
    assert Files.asked == []


def test_what_a_dead_worker_left_fails_and_the_next_is_woken(host, lab, monkeypatch):
    dead, waiting = (factories.image_import(url=f"{host}/base.raw", sha256=sha256(DISK)) for _ in range(2))
    ImageImport.objects.filter(pk=dead.pk).update(state="fetching", state_deadline_at=clock.now())
    woken = []
    monkeypatch.setattr("celery.current_app.send_task", lambda _name, args, **_: woken.extend(args))

    reconcile.fetch_waiting()

    dead.refresh_from_db()
    assert (dead.state, dead.error_code, woken) == ("failed", "interrupted", [waiting.pk])
