"""Certificates of the demo: a CA of its own and a server certificate for the emulated BMCs."""

import ipaddress
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from portal.core import clock

CA_DAYS = 3650
SERVER_DAYS = 825
"""Longest life that common verifiers accept for a server certificate."""


@dataclass(frozen=True)
class Certificates:
    """Files of the demo's certificates."""

    folder: Path

    @property
    def ca(self) -> Path:
        """Certificate of the authority."""
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> Path:
        """Certificate of the BMCs."""
        return self.folder / "bmc.crt"

    @property
    def key(self) -> Path:
        """Private key of the BMCs."""
        return self.folder / "bmc.key"


def ensure(folder: Path, address: str) -> Certificates:
    """Return certificates in ``folder`` with which BMCs at the IP ``address`` prove who they are.

    Files already there are kept while they name the address and are valid for another day.
    """
    files = Certificates(folder)
    if not _still_good(files, address):
        folder.mkdir(mode=0o700, exist_ok=True)
        _make(files, address)
    return files


def _still_good(files: Certificates, address: str) -> bool:
    if not (files.ca.exists() and files.certificate.exists() and files.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    return ipaddress.ip_address(address) in addresses and (
        certificate.not_valid_after_utc > clock.now() + timedelta(days=1)
    )


def _make(files: Certificates, address: str) -> None:
    ca_key, bmc_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = _name("Metalyard demo CA")
    ca = _builder(ca_name, ca_name, ca_key.public_key(), CA_DAYS)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(_usage(signs_certificates=True), critical=True)
    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = ca.add_extension(ca_id, critical=False)
    bmc = _builder(_name("Metalyard demo BMC"), ca_name, bmc_key.public_key(), SERVER_DAYS)
    bmc = bmc.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    bmc = bmc.add_extension(_usage(signs_certificates=False), critical=True)
    bmc = bmc.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    bmc = bmc.add_extension(alternative, critical=False)
    bmc = bmc.add_extension(x509.SubjectKeyIdentifier.from_public_key(bmc_key.public_key()), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id)
    bmc = bmc.add_extension(authority, critical=False)
    _write(files.folder / "ca.key", _pem(ca_key), 0o600)
    _write(files.ca, ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)
    _write(files.key, _pem(bmc_key), 0o600)
    _write(files.certificate, bmc.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    begin = clock.now() - timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
