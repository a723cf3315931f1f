"""The demo's certificates, tried by a real handshake with full verification."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from portal.launcher import tls

ADDRESS = "127.99.0.1"


def handshake(certificates: tls.Certificates, address: str) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.certificate, certificates.key)
    client = ssl.create_default_context(cafile=str(certificates.ca))
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except ssl.SSLError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(ours, server_hostname=address).close()
    finally:
        ours.close()
        thread.join()


def test_a_strict_client_accepts_the_bmc_at_its_address_only(tmp_path: Path) -> None:
    certificates = tls.ensure(tmp_path / "tls", ADDRESS)
    handshake(certificates, ADDRESS)
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        handshake(certificates, "127.99.0.2")


def test_certificates_are_kept_until_the_address_changes(tmp_path: Path) -> None:
    certificates = tls.ensure(tmp_path / "tls", ADDRESS)
    before = certificates.certificate.read_bytes()
    assert tls.ensure(tmp_path / "tls", ADDRESS).certificate.read_bytes() == before
    assert tls.ensure(tmp_path / "tls", "127.98.0.1").certificate.read_bytes() != before
    for key in ("ca.key", "bmc.key"):
        assert (tmp_path / "tls" / key).stat().st_mode & 0o077 == 0
