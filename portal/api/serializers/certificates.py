"""Certificates of erasure, and the keys that they are checked with."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.fleet.models import ErasureCertificate


class CertificateOut(serializers.Serializer[ErasureCertificate]):
    """One drive of one server, erased: what was signed, and the signature."""

    certificate = serializers.SerializerMethodField(help_text="What is signed, in canonical form (RFC 8785).")
    signature = serializers.CharField(help_text="Ed25519, base 64.")

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_certificate(self, row: ErasureCertificate) -> dict[str, Any]:
        """Return the certificate as an object."""
        return dict(json.loads(row.document))


class CertificateKeyOut(serializers.Serializer[None]):
    """A public key."""

    key_id = serializers.CharField(help_text="SHA-256 of the raw public key.")
    algorithm = serializers.ChoiceField(choices=["Ed25519"])
    public_key = serializers.CharField(help_text="Raw public key (RFC 8032), base 64.")


class CertificateKeysOut(serializers.Serializer[None]):
    """All keys that certificates are or were signed with."""

    keys = CertificateKeyOut(many=True)
