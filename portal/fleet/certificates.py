"""Certificates of erasure: issuing them when a server returns to the pool, and giving them out."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction

from portal.audit.services import record
from portal.core import clock
from portal.core.actors import Actor
from portal.core.clock import as_rfc3339
from portal.core.errors import NotFound
from portal.core.locks import lock_row
from portal.fleet.certificate_pdf import pdf_of
from portal.fleet.models import CertificateKey, Erasure, ErasureCertificate, Server
from portal.fleet.selectors import firmware_of
from portal.fleet.verify import VERSION, canonical, digest_of, envelope, key_id_of
from portal.tenancy.models import Project
from portal.tenancy.scope import Scope


@dataclass(frozen=True)
class LeftBy:
    """Who had the server until now: the reservation, and the project that it was for. Nobody, where it was clean."""

    reservation: str = ""
    project: Project | None = None


NOBODY = LeftBy()


def _signing_key() -> Ed25519PrivateKey:
    try:
        seed = base64.b64decode(settings.METALYARD_CERTIFICATE_KEY, validate=True)
        return Ed25519PrivateKey.from_private_bytes(seed)
    except ValueError:
        raise ImproperlyConfigured(
            "METALYARD_CERTIFICATE_KEY is no Ed25519 key: give 32 random bytes in base 64."
        ) from None


@transaction.atomic
def issue_certificates(*, actor: Actor, server: Server, operation_id: str, left_by: LeftBy) -> list[ErasureCertificate]:
    """Certify each erased drive of ``server``, at the end of the server's chain; one that is certified is left alone.

    Call it where the erasures are proved, in the transaction in which that counts: the server's row is locked, so that
    its chain has no forks. Raises ImproperlyConfigured without a key.
    """
    fresh = lock_row(Server, server.pk)
    key = _signing_key()
    public = key.public_key().public_bytes_raw()
    named, _ = CertificateKey.objects.get_or_create(
        key_id=key_id_of(public), defaults={"public_key": base64.b64encode(public).decode()}
    )
    done = ErasureCertificate.objects.filter(server=fresh, operation_id_text=operation_id)
    proofs = Erasure.objects.filter(server=fresh, operation_id_text=operation_id).order_by("pk")
    made: list[ErasureCertificate] = []
    for erasure in proofs.exclude(drive_serial__in=done.values("drive_serial")):
        last = made[-1] if made else ErasureCertificate.objects.filter(server=fresh).order_by("-sequence").first()
        certificate = _follow(last, fresh, erasure, named, left_by)
        certificate.signature = base64.b64encode(key.sign(certificate.document.encode())).decode()
        certificate.save(force_insert=True)
        made.append(certificate)
        record(
            actor=actor,
            verb="server.erasure_certified",
            target=fresh.public_id,
            data={"certificate": certificate.public_id, "drive": erasure.drive_serial, "operation": operation_id},
        )
    return made


def _follow(
    last: ErasureCertificate | None, server: Server, erasure: Erasure, key: CertificateKey, left_by: LeftBy
) -> ErasureCertificate:
    """Return the unsigned certificate that comes after ``last``."""
    certificate = ErasureCertificate(
        server=server,
        drive_serial=erasure.drive_serial,
        method=erasure.method,
        operation_id_text=erasure.operation_id_text,
        subject=left_by.reservation,
        project=left_by.project,
        sequence=last.sequence + 1 if last else 1,
        previous_digest=digest_of(last.document.encode()) if last else "",
        key=key,
        created_at=clock.now(),
    )
    certificate.document = canonical(_document(certificate, erasure)).decode()
    return certificate


def _document(certificate: ErasureCertificate, erasure: Erasure) -> dict[str, Any]:
    """Return what is signed; ``portal.fleet.verify.FORM`` has the same fields."""
    server, project = certificate.server, certificate.project
    return {
        "version": VERSION,
        "id": certificate.public_id,
        "issuer": settings.METALYARD_PUBLIC_URL,
        "issued_at": as_rfc3339(certificate.created_at),
        "key_id": certificate.key.key_id,
        "server": {"id": server.public_id, "serial": server.serial},
        "sequence": certificate.sequence,
        "previous": certificate.previous_digest or None,
        "drive": {
            "serial": erasure.drive_serial,
            "model": erasure.drive_model,
            "firmware": erasure.drive_firmware,
            "size_bytes": erasure.size_bytes,
        },
        "erasure": {
            "method": erasure.method,
            "bytes_erased": erasure.bytes_erased,
            "started_at": as_rfc3339(erasure.started_at),
            "ended_at": as_rfc3339(erasure.ended_at),
            "recorded_at": as_rfc3339(erasure.at),
        },
        "verification": {
            "mode": erasure.verify_mode,
            "bytes_verified": erasure.bytes_verified,
            "blocks_sampled": erasure.blocks_sampled,
            "residue_bytes": erasure.residue_bytes,
        },
        "firmware": [
            {
                "component": reading.component,
                "version": reading.version,
                "expected": reading.expected,
                "matches": reading.matches,
                "at": as_rfc3339(reading.at),
            }
            for reading in firmware_of(server, certificate.operation_id_text)
        ],
        "operation": certificate.operation_id_text,
        "organization": project.organization.public_id if project else None,
        "project": project.public_id if project else None,
        "reservation": certificate.subject or None,
    }


def file_of(certificate: ErasureCertificate) -> bytes:
    """Return the certificate as the file that ``metalyard verify`` reads."""
    return envelope(json.loads(certificate.document), base64.b64decode(certificate.signature))


def page_file_of(certificate: ErasureCertificate) -> bytes:
    """Return the certificate as a PDF for people."""
    return pdf_of(json.loads(certificate.document), certificate.document.encode(), certificate.signature)


def certificates_of(reservation_id: str) -> models.QuerySet[ErasureCertificate]:
    """Return the certificates of the drives that a reservation left, in the order in which they were issued."""
    return ErasureCertificate.objects.select_related("server").filter(subject=reservation_id).order_by("pk")


def certificate_of(scope: Scope, public_id: str) -> ErasureCertificate:
    """Return a certificate of the project. Raises NotFound."""
    found = ErasureCertificate.objects.filter(project=scope.project, public_id=public_id).first()
    if found is None:
        raise NotFound("You have no such certificate.")
    return found


def is_certified_since(server: Server, moment: datetime) -> bool:
    """Tell whether a drive of a server was certified to be erased at ``moment`` or later."""
    return ErasureCertificate.objects.filter(server=server, created_at__gte=moment).exists()


def public_keys() -> dict[str, bytes]:
    """Return every key that certificates are or were signed with: its id, and the raw public key."""
    kept = CertificateKey.objects.values_list("key_id", "public_key")
    present = _signing_key().public_key().public_bytes_raw()
    return {**{key_id: base64.b64decode(key) for key_id, key in kept}, key_id_of(present): present}
