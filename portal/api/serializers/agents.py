"""What machines may report: every field bounded, for a machine may be in a stranger's hands."""

from typing import Any

from rest_framework import serializers

from portal.api.fields import InstantField
from portal.core.errors import InvalidInput
from portal.fleet.erase_policy import VerifyMode
from portal.tenancy.ssh_keys import parse_public_key

MAX_BYTES = 2**62
MAX_EXACT = 2**53 - 1
"""Largest count that all JSON readers take exactly (RFC 8785 section 3.2.2.3): certificates say it again."""
MAX_DRIVES = 128


class ProgressReport(serializers.Serializer[None]):
    """How far a machine is with its job."""

    stage = serializers.ChoiceField(choices=["download", "write", "verify", "erase", "read_back", "inspect"])
    percent = serializers.IntegerField(min_value=0, max_value=100)


class WrittenInstantField(InstantField):
    """An RFC 3339 instant that is kept as text, in UTC: reports are kept as JSON."""

    def to_internal_value(self, value: Any) -> Any:
        """Return the instant as text. Raises ValidationError."""
        return super().to_internal_value(value).isoformat()


def _bytes() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=MAX_EXACT)


class DriveField(serializers.Serializer[None]):
    """What an erasing machine says of one of its drives: all of it, for what is left out proves nothing."""

    serial = serializers.CharField(max_length=64)
    model = serializers.CharField(max_length=80, allow_blank=True)
    firmware = serializers.CharField(max_length=40, allow_blank=True)
    size_bytes = _bytes()
    method = serializers.RegexField(r"^[a-z_]{1,20}$")
    bytes_erased = _bytes()
    verify_mode = serializers.ChoiceField(choices=[mode.value for mode in VerifyMode])
    bytes_verified = _bytes()
    blocks_sampled = _bytes()
    residue_bytes = _bytes()
    started_at = WrittenInstantField()
    ended_at = WrittenInstantField()


class SystemField(serializers.Serializer[None]):
    """What the firmware says of the machine (SMBIOS type 1)."""

    serial = serializers.CharField(max_length=64, allow_blank=True)
    product = serializers.CharField(max_length=80, allow_blank=True)
    uuid = serializers.CharField(max_length=40, allow_blank=True)


class FoundDriveField(serializers.Serializer[None]):
    """A drive that was found."""

    serial = serializers.CharField(max_length=64, allow_blank=True)
    model = serializers.CharField(max_length=80, allow_blank=True)
    firmware = serializers.CharField(max_length=40, allow_blank=True)
    size_bytes = _bytes()


class FoundPortField(serializers.Serializer[None]):
    """A network port that was found; its speed is 0 while it has no link."""

    mac = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=40, allow_blank=True)
    driver = serializers.CharField(max_length=40, allow_blank=True)
    speed_mbps = serializers.IntegerField(min_value=0, max_value=10_000_000)


class FoundGPUField(serializers.Serializer[None]):
    """A GPU that was found, as PCI names it."""

    pci = serializers.CharField(max_length=20)
    vendor = serializers.RegexField(r"^[0-9a-f]{4}$")
    device = serializers.RegexField(r"^[0-9a-f]{4}$")


class FirmwareField(serializers.DictField):
    """Versions by the names of their components, few and short ones."""

    child = serializers.CharField(max_length=80, allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[Any, Any]:
        """Return the versions. Raises ValidationError."""
        found = super().to_internal_value(data)
        names = serializers.ListField(
            child=serializers.CharField(max_length=80, trim_whitespace=False), max_length=MAX_DRIVES
        )
        return dict(zip(names.run_validation(list(found)), found.values(), strict=True))


class InventoryField(serializers.Serializer[None]):
    """What a machine is made of."""

    system = SystemField()
    cpu_count = serializers.IntegerField(min_value=1, max_value=100_000)
    memory_bytes = _bytes()
    memory_is_listed = serializers.BooleanField(default=False)
    drives = serializers.ListField(child=FoundDriveField(), max_length=MAX_DRIVES)
    nics = serializers.ListField(child=FoundPortField(), max_length=MAX_DRIVES)
    gpus = serializers.ListField(child=FoundGPUField(), max_length=MAX_DRIVES)
    firmware = FirmwareField()


class HostKeyField(serializers.CharField):
    """One public host key in OpenSSH form."""

    def to_internal_value(self, data: Any) -> str:
        """Return the normalised line. Raises ValidationError."""
        text = super().to_internal_value(data)
        try:
            return parse_public_key(text).line
        except InvalidInput as error:
            raise serializers.ValidationError(error.detail, code="malformed") from None


class DoneReport(serializers.Serializer[None]):
    """How a job ended; which of the fields matter depends on the job."""

    ok = serializers.BooleanField()
    error = serializers.RegexField(r"^[a-z_]{1,40}$", required=False)
    detail = serializers.CharField(max_length=500, required=False, allow_blank=True)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)
    bytes_written = serializers.IntegerField(min_value=0, max_value=MAX_BYTES, required=False)
    drive_serial = serializers.CharField(max_length=64, required=False)
    drives = serializers.ListField(child=DriveField(), max_length=MAX_DRIVES, required=False)
    inventory = InventoryField(required=False)
    host_keys = serializers.ListField(child=HostKeyField(max_length=2048), max_length=8, required=False)


class PhoneHome(serializers.Serializer[None]):
    """What a first boot says of itself."""

    hostname = serializers.CharField(max_length=63)
    host_keys = serializers.ListField(child=HostKeyField(max_length=2048), min_length=1, max_length=8)
