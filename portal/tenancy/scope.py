"""On whose behalf something is asked: the first argument of every tenant-facing selector."""

from dataclasses import dataclass

from portal.core.actors import Actor
from portal.core.errors import Forbidden
from portal.tenancy.models import Organization, Project
from portal.tenancy.roles import MAY, Role, Verb


@dataclass(frozen=True)
class Scope:
    """A doer, the project that it works in, and its role there."""

    actor: Actor
    project: Project
    role: Role

    @property
    def organization(self) -> Organization:
        """The organization of the project."""
        return self.project.organization

    def may(self, verb: Verb) -> bool:
        """Tell whether the role includes ``verb``."""
        return verb in MAY[self.role]

    def require(self, verb: Verb) -> None:
        """Raise Forbidden unless the role includes ``verb``."""
        if not self.may(verb):
            raise Forbidden(
                f"The role {self.role} does not include {verb.replace('_', ' ')}; ask an owner or admin of "
                f"{self.organization.name}."
            )
