"""Customers, sweeps, workers and machines all at once, on few servers: nobody waits for somebody who waits."""

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import DomainError
from portal.operations import selectors as operations
from portal.operations.models import Operation
from portal.operations.services import agents, claims, steps
from portal.operations.states import OPEN_OPERATION, OPEN_PART
from portal.reservations.models import Allocation, Reservation
from portal.reservations.selectors import contradictions, orphaned_servers
from portal.reservations.services.lifecycle import call_off, end_due, take_back
from portal.reservations.services.reserve import reserve
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import HOLDING, LIVE
from tests import factories, hands
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, TURNS, LIMIT = 8, 14, 5
HOUR = timedelta(hours=1)


class Crowd:
    """What one of many may do; each act picks something that is there, which others may have changed since."""

    def __init__(self):
        self.buyers = [factories.buyer(LIMIT) for _ in range(2)]
        self.image = factories.image()
        self.tokens = []
        self.done, self.refused, self.lock = Counter(), Counter(), threading.Lock()
        self.acts = (self.order, self.order, self.begin, self.cancel, self.release, self.end, self.lose)
        self.acts += (self.work, self.work, self.work, self.report, self.report)

    def turns(self, number):
        """Do a number of random things. Refusals are answers; whatever else is raised is a failure."""
        chance = random.Random(number)  # noqa: S311 - not for secrets
        for _ in range(TURNS):
            act = chance.choice(self.acts)
            try:
                act(chance)
            except DomainError as refusal:
                self.note(self.refused, f"{act.__name__}: {refusal.code}")
            else:
                self.note(self.done, act.__name__)

    def note(self, counter, what):
        with self.lock:
            counter[what] += 1

    def some(self, rows, chance):
        found = list(rows.order_by("pk")[:20])
        return chance.choice(found) if found else None

    def order(self, chance):
        who = chance.choice(self.buyers)
        start = chance.choice([None, clock.now() + chance.choice([1, 5]) * HOUR])
        request = factories.request(who, image=self.image, count=chance.choice([1, 2, 3]), starts_at=start)
        reserve(scope=who, actor=who.actor, request=request)

    def begin(self, chance):
        """Let a start come now; its servers may be at other work, so that it must find others."""
        row = self.some(Reservation.objects.filter(state="scheduled"), chance)
        if row:
            now = clock.now()
            Reservation.objects.filter(pk=row.pk, state="scheduled").update(period=(now, now + 5 * HOUR))
            begin_provisioning(actor=SYSTEM, reservation=row)

    def cancel(self, chance):
        row = self.some(Reservation.objects.filter(state__in=("scheduled", "provisioning")), chance)
        if row:
            call_off(actor=SYSTEM, reservation=row, reason="stress")

    def release(self, chance):
        row = self.some(Reservation.objects.filter(state="active"), chance)
        if row:
            take_back(actor=SYSTEM, reservation=row, reason="stress")

    def end(self, chance):
        row = self.some(Reservation.objects.filter(state__in=("active", "provisioning")), chance)
        if row:
            begun = clock.now() - HOUR
            Reservation.objects.filter(pk=row.pk).update(period=(begun, begun + HOUR))
            end_due(actor=SYSTEM, reservation=row)

    def lose(self, chance):
        """Take a worker's claim away as if its lease had run out."""
        row = self.some(Operation.objects.filter(state__in=OPEN_OPERATION).exclude(claimed_by=""), chance)
        if row:
            Operation.objects.filter(pk=row.pk).exclude(claimed_by="").update(claim_expires_at=clock.now() - HOUR)
            claims.take_away(operation_pk=row.pk, may_repeat=True, attempts=99)

    def work(self, chance):
        """Drive an operation some way: issue boots, let parts succeed or fail, close it, or leave it half done."""
        row = self.some(operations.waiting_operations(), chance)
        claim = claims.take(operation_pk=row.pk, worker=f"w{chance.random()}") if row else None
        if claim is None:
            return
        for part in operations.parts_of(row).filter(state__in=OPEN_PART):
            if hands.begin(claim, part):
                self.move(claim, part, chance)
        if not operations.parts_of(row).filter(state__in=OPEN_PART).exists():
            hands.finish(claim, row)
        claims.give_back(claim=claim)

    def move(self, claim, part, chance):
        fate = chance.random()
        if fate < 0.3:
            purpose = "image" if part.operation.kind == "deploy" else "erase"
            token = steps.issue_boots(claim=claim, part_pks=[part.pk], purpose=purpose, valid_for=HOUR)[part.pk]
            self.tokens.append(token)
        elif fate < 0.4:
            hands.fail(claim, part)
        else:
            hands.succeed(claim, part)

    def report(self, chance):
        tokens = list(self.tokens)
        if tokens:
            token, ask = chance.choice(tokens), chance.choice([agents.open_boot, self.progress, self.result])
            ask(token=token, address="192.0.2.7")

    def progress(self, token, address):
        agents.report_progress(token=token, address=address, percent=50)

    def result(self, token, address):
        agents.report_done(token=token, address=address, result={"ok": True})


def test_nobody_waits_for_somebody_who_waits():
    factories.servers(7)
    crowd = Crowd()

    outcomes = race(THREADS, crowd.turns)

    assert outcomes == [None] * THREADS, "whatever is no refusal of the domain is a failure"
    assert sum(crowd.done.values()) + sum(crowd.refused.values()) == THREADS * TURNS
    assert {"order", "work", "report"} <= set(crowd.done)
    assert list(contradictions()) == []
    assert list(orphaned_servers()) == []
    assert list(operations.contradictions()) == []
    held = Allocation.objects.filter(state__in=HOLDING)
    assert not held.exclude(reservation__state__in=LIVE).exists()
