"""What machines ask and report while they are imaged, erased and booted for the first time.

No login: each request carries the one-time token of one boot.
"""

import base64
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import FileResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.authentication import address_of, bearer_of
from portal.api.serializers.agents import DoneReport, PhoneHome, ProgressReport
from portal.catalog.models import OSImage
from portal.core.errors import NotFound
from portal.fleet.erase_policy import SAMPLE_BLOCKS
from portal.fleet.models import NIC
from portal.operations import seed
from portal.operations.models import BootPurpose
from portal.operations.services import agents, media
from portal.operations.services.agents import BootJob


class AgentView(APIView):
    """A view that machines use: authentication is the boot token in the request itself."""

    authentication_classes = ()
    permission_classes = ()


def _token(request: Request) -> str:
    token = bearer_of(request)
    if token is None:
        raise NotAuthenticated("Send the token of this boot as: Authorization: Bearer <token>.")
    return token


def _address(request: Request) -> str:
    return address_of(request) or ""


def _url(path: str) -> str:
    return f"{settings.METALYARD_AGENT_URL}/agent/v1/{path}"


def image_url(image: OSImage) -> str:
    """Return where machines fetch an image: from plain file servers where there are some, else from the portal."""
    mirrors: str = settings.METALYARD_IMAGE_URL
    return f"{mirrors}/{image.file_name}" if mirrors else _url(f"images/{image.public_id}")


def job_document(job: BootJob) -> dict[str, Any]:
    """Return a boot job in the form that the ramdisk reads."""
    part = job.part
    document: dict[str, Any] = {
        "kind": job.purpose.value,
        "server": part.server.public_id,
        "report": {"progress_url": _url("progress"), "done_url": _url("done")},
    }
    if job.purpose == BootPurpose.ERASE:
        policy = part.server.server_type.erase_policy
        return {
            **document,
            "methods": list(policy.methods),
            "verify": {"mode": policy.verify, "blocks": SAMPLE_BLOCKS},
        }
    if job.purpose == BootPurpose.INSPECT:
        return document
    if job.purpose == BootPurpose.RESCUE:
        return {
            **document,
            "hostname": part.hostname,
            "ssh_authorized_keys": list(part.operation.ssh_keys),
            "host_key": job.host_key,
        }
    operation, image = part.operation, part.operation.image
    if image is None:
        raise NotFound("This operation has no OS image.")
    return {
        **document,
        "hostname": part.hostname,
        "image": {
            "id": image.public_id,
            "name": image.name,
            "url": image_url(image),
            "sha256": image.sha256,
            "size_bytes": image.size_bytes,
            "encoding": image.encoding,
            "disk_sha256": image.disk_sha256,
            "disk_bytes": image.disk_bytes,
        },
        "seed": {
            "hostname": part.hostname,
            "ssh_user": image.default_user,
            "ssh_authorized_keys": [*operation.ssh_keys, job.verify_key_line],
            "user_data_base64": base64.b64encode(operation.user_data.encode()).decode(),
            "host_key": job.host_key,
            "phone_home": {"url": _url("phone-home"), "token": job.phone_home_token},
            "files": {name: base64.b64encode(data).decode() for name, data in seed.files_of(_first_boot(job)).items()},
        },
    }


def _first_boot(job: BootJob) -> seed.FirstBoot:
    part, image = job.part, job.part.operation.image
    return seed.FirstBoot(
        instance_id=f"{part.operation.public_id}-{part.position}",
        hostname=part.hostname,
        cards=[_card(nic) for nic in part.server.nics.order_by("pk")],
        user=image.default_user if image else "",
        authorized_keys=[*part.operation.ssh_keys, job.verify_key_line],
        host_key=job.host_key,
        host_key_public=job.host_key_public,
        phone_home_url=_url("phone-home"),
        phone_home_token=job.phone_home_token,
        ca_pem=media.ca_pem(),
        user_data=part.operation.user_data.encode(),
    )


def _card(nic: NIC) -> seed.Card:
    return seed.Card(nic.mac, f"{nic.address}/{nic.prefix_length}" if nic.address else "")


@extend_schema(exclude=True)
class BootView(AgentView):
    """The job of one boot, given once."""

    def get(self, request: Request, token: str) -> Response:
        """Give the job."""
        job = agents.open_boot(token=token, address=_address(request))
        return Response(job_document(job), headers={"Cache-Control": "no-store"})


@extend_schema(exclude=True)
class ProgressView(AgentView):
    """How far a machine is."""

    def post(self, request: Request) -> Response:
        """Keep the progress."""
        report = ProgressReport(data=request.data)
        report.is_valid(raise_exception=True)
        agents.report_progress(
            token=_token(request), address=_address(request), percent=report.validated_data["percent"]
        )
        return Response(status=204)


@extend_schema(exclude=True)
class DoneView(AgentView):
    """How a boot's job ended."""

    def post(self, request: Request) -> Response:
        """Keep the result."""
        report = DoneReport(data=request.data)
        report.is_valid(raise_exception=True)
        agents.report_done(token=_token(request), address=_address(request), result=dict(report.validated_data))
        return Response(status=204)


@extend_schema(exclude=True)
class PhoneHomeView(AgentView):
    """A machine finished its first boot."""

    def post(self, request: Request) -> Response:
        """Keep its host keys."""
        report = PhoneHome(data=request.data)
        report.is_valid(raise_exception=True)
        agents.phone_home(token=_token(request), address=_address(request), **report.validated_data)
        return Response(status=204)


@extend_schema(exclude=True)
class ImageView(AgentView):
    """The file of an OS image, for the machines on the provisioning network."""

    def get(self, request: Request, public_id: str) -> FileResponse:
        """Stream the file."""
        image = OSImage.objects.filter(public_id=public_id).first()
        path = Path(settings.METALYARD_IMAGE_DIR) / image.file_name if image else None
        if path is None or not path.is_file():
            raise NotFound("There is no such image file.")
        return FileResponse(path.open("rb"), content_type="application/octet-stream")
