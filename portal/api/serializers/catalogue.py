"""What can be had: regions, server types, OS images."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import DRY_RUN, MoneyOut, Rate
from portal.api.serializers.choices import choices_of
from portal.catalog.models import Encoding, OSImage, Price
from portal.fleet.models import Fabric, Region, ServerType

IMAGE_ENCODINGS = choices_of(Encoding)


class FabricOut(serializers.Serializer[Fabric]):
    """A network in which servers talk at full speed."""

    name = serializers.CharField()
    technology = serializers.CharField()


class RegionOut(serializers.Serializer[Region]):
    """A place with its own power and network."""

    id = serializers.CharField(source="code")
    name = serializers.CharField()
    fabrics = FabricOut(many=True)


class PriceOut(serializers.Serializer[Price]):
    """What one GPU of the type costs for one hour in a region."""

    region = serializers.CharField(source="region.code")
    per_gpu_hour = serializers.SerializerMethodField()

    @extend_schema_field(MoneyOut)
    def get_per_gpu_hour(self, price: Price) -> Any:
        """Return the rate."""
        return rate_document(price)


def rate_document(price: Price) -> Any:
    """Return a list price as the API writes it."""
    return MoneyOut(Rate(price.per_gpu_hour, price.book.currency)).data


class ServerTypeOut(serializers.Serializer[ServerType]):
    """A kind of server that can be reserved. Prices are in the organization's currency."""

    id = serializers.CharField(source="slug")
    name = serializers.CharField()
    gpu_model = serializers.CharField()
    gpu_count = serializers.IntegerField()
    gpu_memory_gb = serializers.IntegerField(help_text="Per GPU.")
    cpu = serializers.CharField()
    memory_gb = serializers.IntegerField()
    storage = serializers.CharField()
    interconnect = serializers.CharField()
    list_price_per_gpu_hour = serializers.SerializerMethodField(help_text="The lowest of `prices`; null if not sold.")
    prices = serializers.SerializerMethodField(help_text="By region.")

    def _prices(self, server_type: ServerType) -> list[Price]:
        return [price for price in self.context["prices"] if price.server_type_id == server_type.pk]

    @extend_schema_field(MoneyOut(allow_null=True))
    def get_list_price_per_gpu_hour(self, server_type: ServerType) -> Any:
        """Return the lowest list price."""
        lowest = min(self._prices(server_type), key=lambda price: price.per_gpu_hour, default=None)
        return rate_document(lowest) if lowest else None

    @extend_schema_field(PriceOut(many=True))
    def get_prices(self, server_type: ServerType) -> Any:
        """Return the list prices by region."""
        return PriceOut(self._prices(server_type), many=True).data  # type: ignore[arg-type]


class ImageOut(serializers.Serializer[OSImage]):
    """A whole-disk OS image."""

    id = serializers.CharField(source="public_id", help_text="`img_...`; the slug is accepted in its place.")
    slug = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField()
    default_user = serializers.CharField(help_text="Who logs in by SSH.")
    size_bytes = serializers.IntegerField(help_text="Of the file.")
    sha256 = serializers.CharField(help_text="Of the file.")
    encoding = serializers.ChoiceField(choices=IMAGE_ENCODINGS, help_text="How the file holds the disk.")
    disk_bytes = serializers.IntegerField(help_text="Of what is written to the disk.")
    disk_sha256 = serializers.CharField(help_text="Of what is written to the disk, and read back from it.")
    signed_by = serializers.SerializerMethodField(
        help_text="SHA-256 of the public key (Ed25519) that signed its description. Null: not signed."
    )
    project = serializers.CharField(
        source="project.public_id", allow_null=True, default=None, help_text="Null: everybody may choose it."
    )

    def get_signed_by(self, row: OSImage) -> str | None:
        """Return the key's fingerprint."""
        return row.signed_by or None


class WrittenImageOut(ImageOut):
    """An image after a write, or as it would be after it."""

    dry_run = DRY_RUN
