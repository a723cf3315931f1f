"""Changes to what is sold."""

from django.db import transaction

from portal.audit.services import record
from portal.catalog.models import OSImage
from portal.core.actors import Actor


@transaction.atomic
def publish_image(*, actor: Actor, image: OSImage, published: bool) -> None:
    """Offer an image to tenants, or withdraw it. Reservations that already chose it keep it."""
    if OSImage.objects.filter(pk=image.pk).exclude(is_published=published).update(is_published=published):
        image.is_published = published
        record(actor=actor, verb="image.published" if published else "image.withdrawn", target=image.public_id)
