"""Whose token it is, and its keys."""

from typing import Any

from rest_framework import serializers

from portal.api.authentication import Caller
from portal.api.fields import DRY_RUN, Input, InstantField, Text
from portal.tenancy.models import SSHKey
from portal.tenancy.roles import MAY


class NamedOut(serializers.Serializer[Any]):
    """A thing with an id and a name."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()


class TokenOut(NamedOut):
    """The token that was sent."""

    prefix = serializers.CharField(help_text="Its first characters, to recognise it by.")
    expires_at = InstantField(allow_null=True)
    last_used_at = InstantField(allow_null=True)


class MeOut(serializers.Serializer[Caller]):
    """Whose token it is and what it may do."""

    token = TokenOut()
    organization = NamedOut(source="scope.organization")
    project = NamedOut(source="scope.project")
    currency = serializers.CharField(source="scope.organization.currency")
    role = serializers.CharField(source="scope.role")
    scopes = serializers.SerializerMethodField()

    def get_scopes(self, caller: Caller) -> list[str]:
        """Return what the role includes."""
        return sorted(MAY[caller.scope.role])


class SSHKeyIn(Input[SSHKey]):
    """A public key to add."""

    public_key = Text(help_text="One line in OpenSSH form, without options. Never the private key.")
    name = Text(default="", help_text="Without it: the key's comment.")


class SSHKeyOut(serializers.Serializer[SSHKey]):
    """A public key that can be put on servers."""

    id = serializers.CharField(source="public_id", help_text="`key_...`")
    name = serializers.CharField()
    key_type = serializers.CharField()
    fingerprint = serializers.CharField(help_text="As `ssh-keygen -l` shows it.")
    public_key = serializers.CharField()
    created_at = InstantField()


class WrittenSSHKeyOut(SSHKeyOut):
    """A key after a write, or as it would be after it."""

    dry_run = DRY_RUN
