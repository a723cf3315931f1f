"""Customers written as raw rows, many at a time, as they were at an instant: by no service of the portal."""

import uuid
from decimal import Decimal

from django.db import connection
from psycopg.types.json import Jsonb

from portal.billing.models import Account, AccountKind, BillingProfile, CreditGrant, Entry, Leg
from portal.contracts.models import Commitment, Contract, ContractLine, ContractReservation
from portal.contracts.states import ContractState
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.reservations.models import Allocation, Reservation
from portal.tenancy.models import Organization, Project
from tests import factories
from tests.billing.lives import CHANGING

OF_ALLOCATIONS = ("state", "ready_at", "occupied", "turnover")
UNWATCHED = ("fleet_server", "reservations_allocation")
"""Whose triggers keep the calendar of what is free, for which nobody asks here."""


def unwatched():
    """Let the calendar be for the rest of the transaction."""
    with connection.cursor() as cursor:
        for table in UNWATCHED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


class Yard:
    """Servers and an image for all, and the rows of a batch of customers."""

    def __init__(self, servers):
        unwatched()
        self.kinds = [factories.server_type(f"g{gpus}", gpu_count=gpus) for gpus in (1, 2, 4, 8)]
        self.region, self.image = factories.region(), factories.image()
        one = factories.server(of_type=self.kinds[0], with_bmc=False)
        self.servers = [self._like(one, number) for number in range(servers)]
        Server.objects.bulk_create(self.servers)
        self.free = iter(self.servers)

    @staticmethod
    def _like(one, number):
        """Return another server. Whether the kind is its reservation's is nothing to whoever bills."""
        same = {name: getattr(one, name) for name in ("server_type", "region", "fabric", "rack", "ssh_port", "state")}
        own = {"name": f"b{number}", "serial": f"B{number}", "rack_unit": 10_000 + number, "system_uuid": uuid.uuid4()}
        return Server(**same, **own, ssh_host=f"127.98.{number // 250}.{number % 250 + 1}")

    def begin(self, customers):
        """Write the customers of a batch; what they had is to be rolled back before the next."""
        self.free = iter(self.servers)
        for each in customers:
            each.organization = Organization(name=f"c{each.seed}", currency=each.currencies[0])
        Organization.objects.bulk_create([each.organization for each in customers])
        for each in customers:
            each.project = Project(organization=each.organization, name="main")
        Project.objects.bulk_create([each.project for each in customers])
        BillingProfile.objects.bulk_create(
            [BillingProfile(organization=each.organization, tax_rate=each.tax_rate) for each in customers]
        )
        self._open_accounts(customers)

    def _open_accounts(self, customers):
        self.given = {}
        for currency in sorted({currency for each in customers for currency in each.currencies}):
            own = {"kind": AccountKind.CREDITS, "currency": currency, "organization": None}
            self.given[currency] = Account.objects.get_or_create(**own)[0]
        for each in customers:
            each.accounts = {
                currency: Account(organization=each.organization, kind=AccountKind.RECEIVABLE, currency=currency)
                for currency in each.currencies
            }
        Account.objects.bulk_create([account for each in customers for account in each.accounts.values()])

    def write(self, customers, moment):
        """Bring the rows of lives and contracts to what they were at an instant."""
        known = [(each, life, values) for each in customers for life in each.lives if (values := life.as_of(moment))]
        old = [(life.reservation.pk, values) for _, life, values in known if life.reservation.pk]
        self._update("reservations_reservation", CHANGING, old)
        new = [(each, life, values) for each, life, values in known if life.reservation.pk is None]
        for each, life, values in new:
            life.reservation = self._reservation(each, life, values)
        Reservation.objects.bulk_create([life.reservation for _, life, _ in new])
        self._write_turns([(life, *turn) for _, life, _ in known for turn in life.turns_of(moment)])
        self._write_contracts(customers, moment)

    def _reservation(self, customer, life, values):
        row = life.reservation
        return Reservation(
            organization=customer.organization,
            project=customer.project,
            placement="any",
            image=self.image,
            ssh_keys=[],
            requested_by="ana@example.test",
            **{
                name: getattr(row, name)
                for name in ("name", "server_type", "region", "count", "rate_per_gpu_hour", "currency")
            },
            cancellation_terms=row.cancellation_terms,
            is_committed=row.is_committed,
            **values,
        )

    def _write_turns(self, turns):
        changed = [(turn.row.pk, values) for _, turn, values in turns if turn.row]
        self._update("reservations_allocation", OF_ALLOCATIONS, changed)
        made = []
        for life, turn, values in turns:
            if turn.row is None:
                name = f"{life.reservation.name}-{turn.place}"
                place = {"server": next(self.free), "position": turn.place, "hostname": name}
                turn.row = Allocation(reservation=life.reservation, **place, **values)
                made.append(turn.row)
        Allocation.objects.bulk_create(made)

    def _update(self, table, names, rows):
        if not rows:
            return
        parts = ", ".join(f"{name} = %s" for name in names)
        values = [(*(_plain(of[name]) for name in names), pk) for pk, of in rows]
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {table} SET {parts} WHERE id = %s", values)  # noqa: S608 - names of ours

    def _write_contracts(self, customers, moment):
        new = [
            (each, version)
            for each in customers
            for version in each.versions
            if version.since <= moment and version.row is None
        ]
        # One version at a time is in force, and lines are written while theirs is a draft.
        for number in (1, 2):
            some = [(each, version) for each, version in new if version.number == number]
            for each, version in some:
                version.row = self._contract(each, version)
            Contract.objects.bulk_create([version.row for _, version in some])
            lines = [self._line(each, version, life) for each, version in some for life in version.lives]
            ContractLine.objects.bulk_create(lines)
            replaced = [version.row.amends_id for _, version in some if number == 2]
            Contract.objects.filter(pk__in=replaced).update(state=ContractState.TERMINATED)
            Contract.objects.filter(pk__in=[version.row.pk for _, version in some]).update(state=ContractState.ACTIVE)
        Commitment.objects.bulk_create(
            [
                Commitment(
                    contract=version.row,
                    period=each.term.as_range(),
                    minimum=version.minimum,
                    currency=each.currencies[0],
                )
                for each, version in new
                if version.minimum
            ]
        )
        ContractReservation.objects.bulk_create(
            [
                ContractReservation(line=version.lines.pop(life.seed), reservation=life.reservation)
                for each in customers
                for version in each.versions
                for life in version.lives
                if life.seed in version.lines and life.reservation.pk
            ]
        )

    def _contract(self, customer, version):
        before = customer.versions[0].row if version.number == 2 else None
        return Contract(
            state=ContractState.DRAFT,
            year=2027,
            serial=customer.organization.pk,
            version=version.number,
            amends=before,
            title="Cluster",
            organization=customer.organization,
            project=customer.project,
            template="reserved-1",
            currency=customer.currencies[0],
            term=customer.term.as_range(),
            minimum_spend=version.minimum,
            author_label="sales",
            activated_at=version.since,
        )

    def _line(self, customer, version, life):
        count, rate, span = life.first
        start = max(span.start, customer.term.start)
        line = ContractLine(
            contract=version.row,
            position=version.lives.index(life),
            server_type=life.kind,
            region=self.region,
            count=count,
            period=Period(start, min(span.end, customer.term.end)).as_range(),
            unit_price=rate,
            list_price=rate,
            floor_price=Decimal(0),
            origin=customer.versions[0].kept.get(life.seed) if version.number == 2 else None,
        )
        version.lines[life.seed] = line
        version.kept[life.seed] = line
        return line

    def give(self, customers, month):
        """Write the credits of a month, posted as they are when somebody grants them."""
        grants, entries, legs = [], [], []
        for each in customers:
            for number, (currency, amount) in enumerate(each.credits[month]):
                reference = f"{each.seed}-{month}-{number}"
                kwargs = {"label": "late", "reference": reference, "month": month, "granted_by": "finance"}
                grants.append(CreditGrant(organization=each.organization, amount=amount, currency=currency, **kwargs))
                entry = Entry(
                    label="credit.granted", reference=grants[-1].public_id, words="late", actor_label="finance"
                )
                entries.append(entry)
                legs.append(Leg(entry=entry, account=self.given[currency], amount=amount))
                legs.append(Leg(entry=entry, account=each.accounts[currency], amount=-amount))
        CreditGrant.objects.bulk_create(grants)
        Entry.objects.bulk_create(entries)
        Leg.objects.bulk_create(legs)


def _plain(value):
    return Jsonb(value) if isinstance(value, list) else value
