"""The whole story, told once and in order, in a demo in which nobody has done anything yet."""

from django.db import transaction

from portal.contracts.models import Contract
from portal.launcher.demo.business.bills import seed_bills
from portal.launcher.demo.business.cast import Cast
from portal.launcher.demo.business.cluster import seed_cluster, seed_evaluation
from portal.launcher.demo.business.news import seed_incident, seed_maintenance
from portal.launcher.demo.business.offers import seed_offers
from portal.reservations.models import Reservation


@transaction.atomic
def seed_business() -> bool:
    """Write contracts, a past and its invoices, all or nothing; tell whether that was done.

    It is left out where there is a contract or a reservation: it was done before, or the demo is in use.
    """
    if Contract.objects.exists() or Reservation.objects.exists():
        return False
    cast = Cast.of_demo()
    cluster = seed_cluster(cast)
    seed_evaluation(cast.lumen)
    seed_incident(cast, cluster)
    seed_bills(cast)
    seed_offers(cast)
    seed_maintenance(cast)
    return True
