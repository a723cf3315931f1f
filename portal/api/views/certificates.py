"""Certificates of erasure: those of a reservation, the file of one, and the keys to check them with."""

import base64
from functools import partial

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.fields import documents
from portal.api.paging import page_reply
from portal.api.queries import PageQuery, read_query, refuse_query
from portal.api.schema import PDF, Doc, list_doc, reads
from portal.api.serializers.certificates import CertificateKeysOut, CertificateOut
from portal.api.views.public import AnyAccept, PublicView
from portal.api.views.tenant import TenantView
from portal.core.errors import NotFound
from portal.fleet.certificates import certificate_of, certificates_of, file_of, page_file_of, public_keys
from portal.reservations.selectors import reservation_of
from portal.tenancy.roles import Verb

TAG = "Certificates"
FILE_TEXT = """
The bytes are the canonical form of `{"certificate": ..., "signature": ...}` and are to be kept as they are:

    curl -s "$URL/api/v1/certificate-keys" > keys.json
    curl -s -H "Authorization: Bearer $TOKEN" "$URL/api/v1/certificates/crt_..." > crt.json
    deploy/metalyard verify --keys keys.json crt.json
"""
_documents = partial(documents, CertificateOut)


class ReservationCertificatesView(TenantView):
    """Certificates of a reservation."""

    @reads(
        list_doc(
            "list_reservation_certificates",
            TAG,
            "List the certificates of erasure of a reservation",
            CertificateOut,
            PageQuery,
            "One for each drive of each server that was taken back, once it was erased and read back.",
            refuses=[NotFound],
        )
    )
    def get(self, request: Request, reservation_id: str) -> Response:
        """List a reservation's certificates, oldest first."""
        found = reservation_of(self.scope_for(Verb.VIEW), reservation_id)
        return page_reply(certificates_of(found.public_id), read_query(PageQuery, request), _documents)


class CertificateView(TenantView):
    """The file of one certificate."""

    @reads(
        Doc("get_certificate", TAG, "Download a certificate of erasure", CertificateOut, FILE_TEXT, refuses=[NotFound])
    )
    def get(self, request: Request, certificate_id: str) -> HttpResponse:
        """Give the file."""
        found = certificate_of(self.scope_for(Verb.VIEW), certificate_id)
        refuse_query(request)
        return HttpResponse(file_of(found), content_type="application/json")


class CertificatePageView(TenantView):
    """One certificate as a page for people."""

    content_negotiation_class = AnyAccept

    @reads(
        Doc(
            "get_certificate_pdf",
            TAG,
            "Download a certificate of erasure as PDF",
            None,
            "For people; what is signed is the JSON file.",
            refuses=[NotFound],
            media=(PDF,),
        )
    )
    def get(self, request: Request, certificate_id: str) -> HttpResponse:
        """Give the page."""
        found = certificate_of(self.scope_for(Verb.VIEW), certificate_id)
        refuse_query(request)
        return HttpResponse(page_file_of(found), content_type=PDF)


class CertificateKeysView(PublicView):
    """The public keys."""

    @reads(
        Doc(
            "list_certificate_keys",
            TAG,
            "List the keys that certificates are checked with",
            CertificateKeysOut,
            "No login needed. A key that was replaced stays here.",
        )
    )
    def get(self, request: Request) -> Response:
        """List the keys."""
        refuse_query(request)
        keys = [
            {"key_id": key_id, "algorithm": "Ed25519", "public_key": base64.b64encode(raw).decode()}
            for key_id, raw in public_keys().items()
        ]
        return Response({"keys": keys})
