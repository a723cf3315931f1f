"""How far work on servers is."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import DRY_RUN, InstantField
from portal.api.serializers.choices import OPERATION_KINDS, OPERATION_STATES, choices_of
from portal.core.clock import as_rfc3339
from portal.operations.models import Operation
from portal.operations.stages import STAGES
from portal.operations.states import PartState
from portal.reservations.selectors import Progress, progresses_in

STAGE_NAMES = tuple(dict.fromkeys(stage.name for stages in STAGES.values() for stage in stages))


class ProgressOut(serializers.Serializer[Any]):
    """How many servers are through, and the stage that the slowest is at."""

    stage = serializers.ChoiceField(choices=choices_of(("waiting", *STAGE_NAMES, "done")))
    done = serializers.IntegerField(help_text="Servers that are through.")
    total = serializers.IntegerField()
    eta = InstantField(allow_null=True, help_text="When all are expected to be through; null where nobody knows.")


class ServerErrorOut(serializers.Serializer[Any]):
    """Why one server did not get through."""

    server = serializers.CharField(help_text="`srv_...`")
    hostname = serializers.CharField()
    code = serializers.CharField(help_text="Stable.")
    detail = serializers.CharField()


class OperationErrorOut(serializers.Serializer[Any]):
    """Why an operation failed: the code of the first server that did not get through, and every such server."""

    code = serializers.CharField()
    detail = serializers.CharField()
    servers = ServerErrorOut(many=True)


class OperationOut(serializers.Serializer[Operation]):
    """Work on servers of a reservation."""

    id = serializers.CharField(source="public_id", help_text="`op_...`")
    kind = serializers.ChoiceField(choices=OPERATION_KINDS)
    state = serializers.ChoiceField(choices=OPERATION_STATES)
    state_reason = serializers.CharField(allow_blank=True)
    reservation = serializers.CharField(source="subject")
    stage = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    eta = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField(help_text="Null while every server gets through.")
    requested_by = serializers.CharField()
    created_at = InstantField()
    finished_at = InstantField(allow_null=True)

    def _progress(self, operation: Operation) -> Progress:
        return self.context["progresses"][operation.public_id]  # type: ignore[no-any-return]

    def get_stage(self, operation: Operation) -> str:
        """Return the stage of the slowest server."""
        return self._progress(operation).stage

    @extend_schema_field(ProgressOut)
    def get_progress(self, operation: Operation) -> Any:
        """Return how many servers are through."""
        return progress_document(self._progress(operation))

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_eta(self, operation: Operation) -> str | None:
        """Return when all are expected to be through."""
        eta: str | None = progress_document(self._progress(operation))["eta"]
        return eta

    @extend_schema_field(OperationErrorOut(allow_null=True))
    def get_error(self, operation: Operation) -> Any:
        """Return what went wrong."""
        failed = [part for part in operation.parts.all() if part.state == PartState.FAILED]
        if not failed:
            return None
        servers = [
            {
                "server": part.server.public_id,
                "hostname": part.hostname,
                "code": part.error_code or "run_failed",
                "detail": part.state_reason,
            }
            for part in failed
        ]
        first = {"code": servers[0]["code"], "detail": servers[0]["detail"]}
        return OperationErrorOut({**first, "servers": servers}).data


class WrittenOperationOut(OperationOut):
    """An operation that was asked for, or as it would be."""

    dry_run = DRY_RUN


def progress_document(progress: Progress) -> dict[str, Any]:
    """Return progress as the API writes it."""
    return {
        "stage": progress.stage,
        "done": progress.done,
        "total": progress.total,
        "eta": as_rfc3339(progress.eta) if progress.eta else None,
    }


def operation_documents(operations: list[Operation]) -> list[dict[str, Any]]:
    """Return operations as the API writes them."""
    context = {"progresses": progresses_in(operations)}
    return [dict(OperationOut(operation, context=context).data) for operation in operations]
