"""What machines ask and report."""

import base64
import json
from datetime import timedelta
from email import message_from_bytes
from hashlib import sha256

import pytest
from django.test import Client, RequestFactory

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import Drive
from portal.operations.models import BootToken, Operation, OperationServer
from portal.operations.on_machine import AGENT_PATH
from portal.operations.services import claims, steps
from portal.operations.services.queue import cancel_operation
from portal.reservations.services import lifecycle
from portal.wsgi import application
from tests import factories
from tests.api.client import assert_problem
from tests.api.world import nothing_changes, world

HOUR = timedelta(hours=1)
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfqPLZWKeuiWSS2xUPmRAz3p5ULYFX1gbTNMq0CRpsU"
DONE = {"ok": True, "sha256": "0" * 64, "bytes_written": 1024}
HOME = {"hostname": "now-1-01", "host_keys": [HOST_KEY]}

DRIVE = factories.said_of_drives(factories.drive_report(Drive(serial="S1", model="M", size_bytes=4096)))["drives"][0]


class Machine:
    """A machine that was booted with a token."""

    def __init__(self, token):
        self.token, self.client = token, Client(raise_request_exception=False)

    def boot(self):
        return self.client.get(f"/agent/v1/boot/{self.token}")

    def post(self, path, body, raw=None):
        return self.client.post(
            f"/agent/v1/{path}",
            json.dumps(body) if raw is None else raw,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
        )


def awaiting(operation, purpose, stage):
    """Bring an operation to where its first machine is booted for ``purpose``; return part and token."""
    claim = claims.take(operation_pk=operation.pk, worker="w1")
    part = operation.parts.order_by("position").first()
    steps.begin_work(claim=claim, part_pks=[part.pk], stage=stage, time_limit=HOUR)
    token = steps.issue_boots(claim=claim, part_pks=[part.pk], purpose=purpose, valid_for=HOUR)[part.pk]
    steps.finish_steps(claim=claim, part_pks=[part.pk], stage=stage)
    steps.begin_await(claim=claim, part_pks=[part.pk], stage=stage, time_limit=HOUR)
    claims.give_back(claim=claim)
    return part, token


@pytest.fixture
def booted(noon, buyer):
    """Return the part of a machine that is to be imaged."""
    factories.reservation(buyer, name="now-1", count=2, starts_at=None, user_data="#cloud-config\n")
    part, token = awaiting(Operation.objects.get(), "image", "image")
    part.machine = Machine(token)
    return part


@pytest.fixture
def erasing(noon, active, buyer):
    """Return the part of a machine that is to be erased."""
    lifecycle.release(scope=buyer, actor=buyer.actor, reservation=active)
    part, token = awaiting(Operation.objects.get(kind="release"), "erase", "erase")
    part.machine = Machine(token)
    return part


def test_the_job_of_an_imaging_boot(booted, settings):
    booted.server.nics.create(mac="02:00:00:00:77:01", address="10.77.0.9", prefix_length=16)
    reply = booted.machine.boot()
    image = booted.operation.image
    agent = f"{settings.METALYARD_AGENT_URL}/agent/v1"
    job = reply.json()
    verify_key = job["seed"]["ssh_authorized_keys"].pop()
    phone_home = job["seed"]["phone_home"].pop("token")
    host_key = job["seed"].pop("host_key")
    files = {name: base64.b64decode(text) for name, text in job["seed"].pop("files").items()}

    assert reply.status_code == 200
    assert reply.headers["Cache-Control"] == "no-store"
    assert job == {
        "kind": "image",
        "server": booted.server.public_id,
        "report": {"progress_url": f"{agent}/progress", "done_url": f"{agent}/done"},
        "hostname": "now-1-01",
        "image": {
            "id": image.public_id,
            "name": "Ubuntu 24.04",
            "url": f"{agent}/images/{image.public_id}",
            "sha256": "0" * 64,
            "size_bytes": 1024,
            "encoding": "none",
            "disk_sha256": "0" * 64,
            "disk_bytes": 1024,
        },
        "seed": {
            "hostname": "now-1-01",
            "ssh_user": "ubuntu",
            "ssh_authorized_keys": [factories.KEY],
            "user_data_base64": base64.b64encode(b"#cloud-config\n").decode(),
            "phone_home": {"url": f"{agent}/phone-home"},
        },
    }
    part = OperationServer.objects.get(pk=booted.pk)
    assert host_key.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert part.expected_host_key.startswith("ssh-ed25519 ")
    assert host_key not in str(vars(part))
    assert files["user-data"] == b"#cloud-config\n"
    assert json.loads(files["network-config"])["ethernets"]["eth0"]["addresses"] == ["10.77.0.9/16"]
    ours = b"".join(item.get_payload(decode=True) for item in message_from_bytes(files["vendor-data"]).get_payload())
    assert all(text.encode() in ours for text in (part.expected_host_key, phone_home))
    assert verify_key.startswith(f'restrict,command="{AGENT_PATH}",expiry-time="20300115160000Z" ssh-ed25519 ')
    assert BootToken.objects.get(purpose="first_boot").token_sha256 == sha256(phone_home.encode()).hexdigest()


def test_the_job_of_an_erasing_boot(erasing, settings):
    agent = f"{settings.METALYARD_AGENT_URL}/agent/v1"

    assert erasing.machine.boot().json() == {
        "kind": "erase",
        "server": erasing.server.public_id,
        "report": {"progress_url": f"{agent}/progress", "done_url": f"{agent}/done"},
        "methods": [
            "nvme_sanitize_crypto",
            "nvme_sanitize_block",
            "nvme_format_crypto",
            "nvme_format",
            "blkdiscard",
            "overwrite",
        ],
        "verify": {"mode": "full", "blocks": 5000},
    }


def test_a_job_is_given_once(booted):
    booted.machine.boot()

    refused(booted, lambda machine: machine.boot(), "open", "The job of this boot was fetched already.")


def refused(part, send, what, reason, target=None):
    """Check that a report is refused, that nothing changes by it, and that it is in the record."""
    before = world()
    kept = AuditEvent.objects.count()

    reply = send(part.machine)

    assert_problem(reply, 403, "boot_token_refused")
    assert {label for label, rows in world().items() if rows != before[label]} == {"audit.AuditEvent"}
    assert AuditEvent.objects.count() == kept + 1
    row = AuditEvent.objects.first()
    assert (row.verb, row.actor_kind, row.actor_id) == ("boot.refused", "agent", "127.0.0.1")
    assert row.target == (target or part.server.public_id)
    assert (row.data["what"], row.data["reason"]) == (what, reason)
    assert part.machine.token not in json.dumps(row.data)


REPORTS = [
    ("open", lambda machine: machine.boot()),
    ("progress", lambda machine: machine.post("progress", {"stage": "write", "percent": 50})),
    ("done", lambda machine: machine.post("done", DONE)),
    ("phone_home", lambda machine: machine.post("phone-home", HOME)),
]
UNKNOWN = "This token names no boot."


@pytest.mark.parametrize(("what", "send"), REPORTS, ids=[what for what, _ in REPORTS])
def test_a_token_that_was_never_issued_changes_nothing(booted, what, send):
    booted.machine.token = "never-issued"
    digest = sha256(b"never-issued").hexdigest()

    refused(booted, send, what, UNKNOWN, target=f"token:{digest[:16]}")


@pytest.mark.parametrize(("what", "send"), REPORTS[:3], ids=[what for what, _ in REPORTS[:3]])
def test_an_old_token_changes_nothing(booted, noon, what, send):
    if what != "open":
        booted.machine.boot()
    noon.shift(HOUR)

    refused(booted, send, what, "This token's boot is over.")


@pytest.mark.parametrize(("what", "send"), REPORTS[:3], ids=[what for what, _ in REPORTS[:3]])
def test_a_token_that_was_replaced_changes_nothing(booted, what, send):
    steps.replace_boots(part_pks=[booted.pk], purpose="image", valid_for=HOUR)

    refused(booted, send, what, "This token's boot is over.")


@pytest.mark.parametrize(("what", "send"), REPORTS[:3], ids=[what for what, _ in REPORTS[:3]])
def test_a_token_that_has_reported_changes_nothing(booted, what, send):
    booted.machine.boot()
    assert booted.machine.post("done", DONE).status_code == 204

    refused(booted, send, what, "This token's boot has reported already.")


@pytest.mark.parametrize(("what", "send"), REPORTS[1:3], ids=[what for what, _ in REPORTS[1:3]])
def test_nothing_is_reported_of_a_job_that_was_not_fetched(booted, what, send):
    refused(booted, send, what, "The job of this boot was not fetched yet.")


def test_a_token_serves_its_own_purpose_alone(booted):
    phone_home = booted.machine.boot().json()["seed"]["phone_home"]["token"]

    refused(booted, REPORTS[3][1], "phone_home", UNKNOWN)
    booted.machine.token = phone_home
    for what, send in REPORTS[:3]:
        refused(booted, send, what, UNKNOWN)


def test_the_tokens_of_an_operation_that_was_called_off_change_nothing(booted):
    cancel_operation(actor=SYSTEM, operation=booted.operation, reason="test")

    refused(booted, REPORTS[0][1], "open", "This token's boot is over.")


def test_progress_is_kept(booted):
    booted.machine.boot()

    reply = booted.machine.post("progress", {"stage": "write", "percent": 42})

    assert (reply.status_code, reply.content) == (204, b"")
    assert OperationServer.objects.get(pk=booted.pk).percent == 42


def test_a_result_is_kept_and_wakes_a_worker(booted, django_capture_on_commit_callbacks):
    booted.machine.boot()

    with django_capture_on_commit_callbacks() as woken:
        reply = booted.machine.post("done", DONE)

    boot = BootToken.objects.get(purpose="image")
    assert (reply.status_code, reply.content) == (204, b"")
    assert (boot.result, boot.reported_at) == (DONE, clock.now())
    assert len(woken) == 1
    assert OperationServer.objects.get(pk=booted.pk).state == "awaiting", "a worker judges it, not the machine"


def test_a_machine_that_has_booted_tells_its_host_keys(booted):
    booted.machine.token = booted.machine.boot().json()["seed"]["phone_home"]["token"]

    reply = booted.machine.post("phone-home", {**HOME, "host_keys": [f" {HOST_KEY} root@now "]})

    assert reply.status_code == 204
    assert BootToken.objects.get(purpose="first_boot").result == {
        "ok": True,
        "hostname": "now-1-01",
        "host_keys": [f"{HOST_KEY} root@now"],
    }


MALFORMED = [
    ("progress", {}, {"/stage": "required", "/percent": "required"}),
    ("progress", {"stage": "write", "percent": 101}, {"/percent": "max_value"}),
    ("progress", {"stage": "write", "percent": -1}, {"/percent": "min_value"}),
    ("progress", {"stage": "write", "percent": "half"}, {"/percent": "invalid"}),
    ("progress", {"stage": "dance", "percent": 1}, {"/stage": "invalid_choice"}),
    ("done", {}, {"/ok": "required"}),
    ("done", {"ok": "maybe"}, {"/ok": "invalid"}),
    ("done", {**DONE, "sha256": "0" * 63}, {"/sha256": "invalid"}),
    ("done", {**DONE, "bytes_written": 2**62 + 1}, {"/bytes_written": "max_value"}),
    ("done", {**DONE, "bytes_written": -1}, {"/bytes_written": "min_value"}),
    ("done", {"ok": False, "error": "rm -rf /"}, {"/error": "invalid"}),
    ("done", {"ok": False, "error": "x" * 41}, {"/error": "invalid"}),
    ("done", {"ok": False, "detail": "x" * 501}, {"/detail": "max_length"}),
    ("done", {"ok": False, "detail": "a\u0000"}, {"/detail": "null_characters_not_allowed"}),
    ("done", {"ok": True, "drive_serial": "x" * 65}, {"/drive_serial": "max_length"}),
    ("done", {"ok": True, "drives": "x"}, {"/drives": "not_a_list"}),
    ("done", {"ok": True, "drives": [DRIVE] * 129}, {"/drives": "max_length"}),
    *(
        ("done", {"ok": True, "drives": [{**DRIVE, name: value}]}, {f"/drives/0/{name}": code})
        for name, value, code in (
            ("serial", "x" * 65, "max_length"),
            ("serial", "", "blank"),
            ("serial", None, "null"),
            ("model", "x" * 81, "max_length"),
            ("firmware", "a\u0000", "null_characters_not_allowed"),
            ("method", "{{ x }}", "invalid"),
            ("verify_mode", "glance", "invalid_choice"),
            ("size_bytes", -1, "min_value"),
            ("bytes_erased", 2**62 + 1, "max_value"),
            ("bytes_verified", "many", "invalid"),
            ("started_at", "today", "invalid"),
            ("ended_at", "2030-01-01T12:00:00", "no_offset"),
        )
    ),
    (
        "done",
        {"ok": True, "drives": [DRIVE, {key: DRIVE[key] for key in DRIVE if key != "blocks_sampled"}]},
        {"/drives/1/blocks_sampled": "required"},
    ),
    ("done", [], {"": "invalid"}),
    ("phone-home", {"hostname": "x" * 64, "host_keys": [HOST_KEY]}, {"/hostname": "max_length"}),
    ("phone-home", {"hostname": "a", "host_keys": []}, {"/host_keys": "min_length"}),
    ("phone-home", {"hostname": "a", "host_keys": [HOST_KEY] * 9}, {"/host_keys": "max_length"}),
    ("phone-home", {"hostname": "a", "host_keys": ["{{ x }}"]}, {"/host_keys/0": "malformed"}),
    ("phone-home", {"hostname": "a", "host_keys": [f"{HOST_KEY}\n{HOST_KEY}"]}, {"/host_keys/0": "malformed"}),
    ("phone-home", {"hostname": "a", "host_keys": "x"}, {"/host_keys": "not_a_list"}),
]


def test_malformed_reports_are_refused_and_may_be_sent_again(booted):
    booted.machine.boot()

    with nothing_changes():
        for path, body, errors in MALFORMED:
            found = assert_problem(booted.machine.post(path, body), 422, "invalid_input")
            assert found == errors, body

    assert booted.machine.post("done", DONE).status_code == 204


def test_oversized_and_broken_reports_are_refused(booted):
    booted.machine.boot()

    with nothing_changes():
        for path in ("progress", "done", "phone-home"):
            large = json.dumps({"ok": True, "detail": "x" * 200_000})
            assert_problem(booted.machine.post(path, None, raw=large), 413, "body_too_large")
            assert_problem(booted.machine.post(path, None, raw="{"), 400, "malformed_json")
            assert_problem(booted.machine.post(path, None, raw="[" * 10_000), 400, "malformed_json")


def test_without_a_token_nothing_is_reported(booted):
    booted.machine.token = ""

    with nothing_changes():
        for _, send in REPORTS[1:]:
            assert_problem(send(booted.machine), 401, "unauthenticated")


def test_an_erasing_machine_proves_its_drive(erasing):
    erasing.machine.boot()
    proof = factories.said_of_drives(factories.drive_report(erasing.server.drives.get()))

    assert erasing.machine.post("done", proof).status_code == 204
    assert BootToken.objects.get(purpose="erase").result == proof


@pytest.fixture
def image(db, settings, tmp_path):
    """Return an image whose file is there."""
    settings.METALYARD_IMAGE_DIR = tmp_path
    made = factories.image(is_published=False)
    (tmp_path / made.file_name).write_bytes(b"\x00image\xff" * 1000)
    return made


def test_an_image_is_downloaded_whole(image):
    reply = Client().get(f"/agent/v1/images/{image.public_id}")

    assert reply.headers["Content-Length"] == "7000"
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert b"".join(reply.streaming_content) == b"\x00image\xff" * 1000


@pytest.mark.django_db(transaction=True)
def test_an_image_is_given_to_the_server_as_a_file_that_the_kernel_can_send(image, settings):
    """No middleware has made chunks of it, which Python would have to read (PEP 3333, optional file handling)."""
    taken = []
    environ = RequestFactory().get(f"/agent/v1/images/{image.public_id}").environ
    environ["wsgi.file_wrapper"] = lambda file, _size: taken.append(file)

    application(environ, lambda _status, _headers: None)

    assert [file.name for file in taken] == [str(settings.METALYARD_IMAGE_DIR / image.file_name)]


def test_where_there_are_plain_file_servers_jobs_name_them(booted, settings):
    settings.METALYARD_IMAGE_URL = "http://images.internal.example/os"

    job = booted.machine.boot().json()

    assert job["image"]["url"] == f"http://images.internal.example/os/{booted.operation.image.file_name}"


def test_an_image_that_is_not_there_is_not_found(image, settings):
    (settings.METALYARD_IMAGE_DIR / image.file_name).unlink()

    for name in (image.public_id, image.slug, "img_x", "%00", "..%2f..%2fetc%2fpasswd"):
        assert_problem(Client().get(f"/agent/v1/images/{name}"), 404, "not_found")
