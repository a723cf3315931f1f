"""Certificates, a stand-in BMC fleet, and the collection on the import path."""

from __future__ import annotations

import datetime
import ipaddress
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.core import clock
from provisioning.fence import Fence, write_fence
from provisioning.runner import PLAYBOOKS
from provisioning.workspace import workspace
from tests.playbooks.bmc_stand_in import PASSWORD, USER, serving

sys.path.insert(0, str(PLAYBOOKS / "collections"))


MEDIA = "http://127.0.0.1:8000/agent/v1/media/"


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 (it is its own CA)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "bmc")


@pytest.fixture
def fleet(certificate):
    with serving(*certificate) as fleet:
        yield fleet


@pytest.fixture
def fence_file(tmp_path):
    path = tmp_path / "fence.json"
    write_fence(path, Fence(epoch=7, expires_at=time.time() + 600))
    return path


@pytest.fixture
def private_data_dir(tmp_path):
    with workspace(tmp_path) as folder:
        yield folder


@pytest.fixture
def host_vars(fleet, certificate):
    """Builds the variables of one server of the stand-in fleet, and adds it there."""

    def build(number: int = 1, **changes) -> dict:
        uuid = f"00000000-0000-4000-8000-{number:012d}"
        fleet.add(uuid, serial=f"SN{number:04d}")
        return {
            "bmc_address": fleet.address,
            "bmc_system_path": f"/redfish/v1/Systems/{uuid}",
            "bmc_username": USER,
            "bmc_password": {"__ansible_unsafe": PASSWORD},
            "bmc_ca_file": str(certificate[0]),
            "bmc_timeout_s": 60,
            "server_serial": f"SN{number:04d}",
            "boot_uri": f"{MEDIA}token-{number:04d}.iso",
            "boot_media_url": MEDIA,
            "boot_method": "virtual_media",
            **changes,
        }

    return build


def uuid_of(variables: dict) -> str:
    return variables["bmc_system_path"].rsplit("/", 1)[1]
