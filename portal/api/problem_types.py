"""Every ``code`` that a problem document may carry: those of the services and those of HTTP itself."""

from dataclasses import dataclass

from portal.api import refusals
from portal.core.errors import all_error_types

TYPE_BASE = "/api/v1/problems#"


@dataclass(frozen=True)
class ProblemType:
    """One kind of problem: its stable code, the status that it comes with, its title, what it means."""

    code: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        """The URI reference that names it (RFC 9457 section 3.1.1), at which it is explained."""
        return f"{TYPE_BASE}{self.code}"


def _of_http() -> list[ProblemType]:
    return [
        ProblemType("malformed_request", 400, "Malformed request", "The request as such cannot be understood."),
        ProblemType("malformed_json", 400, "Malformed JSON", "The body is not valid JSON."),
        ProblemType("unauthenticated", 401, "Login required", "Send an API token as a bearer token."),
        ProblemType("invalid_token", 401, "Token not accepted", "The token is unknown, expired or revoked."),
        ProblemType("method_not_allowed", 405, "Method not allowed", "This address does not know this method."),
        ProblemType("not_acceptable", 406, "Not acceptable", "The reply can only be JSON."),
        ProblemType("unsupported_media_type", 415, "Unsupported media type", "Send the body as application/json."),
        ProblemType("internal_error", 500, "Internal error", "Our fault. Name the request_id when you write to us."),
        ProblemType("unavailable", 503, "Unavailable", "The database does not answer; try again in a moment."),
    ]


def _of_services() -> list[ProblemType]:
    return [
        ProblemType(kind.code, kind.status, kind.title, " ".join((kind.__doc__ or "").split()).replace("``", "`"))
        for kind in all_error_types()
    ]


# Importing the face's own refusals is what makes all_error_types know them.
OWN = (refusals.RateLimited, refusals.NotReady)
PROBLEM_TYPES: dict[str, ProblemType] = {kind.code: kind for kind in (*_of_http(), *_of_services())}
