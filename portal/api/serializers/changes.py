"""What is asked for of a reservation that is made already."""

from datetime import datetime

from rest_framework import serializers

from portal.api.fields import Input, InstantField, Text, Whole
from portal.core.errors import NotFound
from portal.tenancy.models import Project
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import project_of


class EndIn(Input[datetime]):
    """Another end."""

    ends_at = InstantField()


class MoreIn(Input[int]):
    """More servers."""

    count = Whole(help_text="How many more.")


class ProjectIn(Input[Project]):
    """Another project."""

    project = Text(help_text="Id of a project of the same organization.")

    def validate_project(self, name: str) -> Project:
        """Return the project. Raises ValidationError."""
        scope: Scope = self.context["scope"]
        try:
            return project_of(scope, name)
        except NotFound as error:
            raise serializers.ValidationError(error.detail, code="unknown") from None
