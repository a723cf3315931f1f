import django.contrib.postgres.constraints
import django.db.models.deletion
import django.db.models.functions.text
import portal.reservations.states
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('fleet', '0001_initial'),
        ('reservations', '0001_initial'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='reservation',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reservations', to='tenancy.organization'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='project',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reservations', to='tenancy.project'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='region',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleet.region'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='server_type',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleet.servertype'),
        ),
        migrations.AddField(
            model_name='allocation',
            name='reservation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='reservations.reservation'),
        ),
        migrations.AddIndex(
            model_name='reservation',
            index=models.Index(fields=['project', '-id'], name='reservation_by_project'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', [portal.reservations.states.ReservationState['ACTIVE'], portal.reservations.states.ReservationState['CANCELLED'], portal.reservations.states.ReservationState['ENDED'], portal.reservations.states.ReservationState['ENDING'], portal.reservations.states.ReservationState['EXPIRED'], portal.reservations.states.ReservationState['FAILED'], portal.reservations.states.ReservationState['HELD'], portal.reservations.states.ReservationState['PROVISIONING'], portal.reservations.states.ReservationState['SCHEDULED']])), name='reservation_state_known'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('period__isempty', False), ('period__lower_inf', False), ('period__upper_inf', False), ('period__lower_inc', True), ('period__upper_inc', False)), name='reservation_period_bounded'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('count__gte', 1)), name='reservation_count'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='reservation_price'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('name__regex', '^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$')), name='reservation_name_is_label'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.UniqueConstraint(models.F('project'), django.db.models.functions.text.Lower('name'), condition=models.Q(('state__in', [portal.reservations.states.ReservationState['ACTIVE'], portal.reservations.states.ReservationState['ENDING'], portal.reservations.states.ReservationState['HELD'], portal.reservations.states.ReservationState['PROVISIONING'], portal.reservations.states.ReservationState['SCHEDULED']])), name='reservation_name_once'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', [portal.reservations.states.AllocationState['BOOKED'], portal.reservations.states.AllocationState['CLEANING'], portal.reservations.states.AllocationState['FAILED'], portal.reservations.states.AllocationState['RELEASED'], portal.reservations.states.AllocationState['SERVING']])), name='allocation_state_known'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('occupied__isempty', False), ('occupied__lower_inf', False), ('occupied__upper_inf', False), ('occupied__lower_inc', True), ('occupied__upper_inc', False)), name='allocation_occupied_bounded'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('state__in', [portal.reservations.states.AllocationState['BOOKED'], portal.reservations.states.AllocationState['CLEANING'], portal.reservations.states.AllocationState['SERVING']])), expressions=[('server', '='), ('occupied', '&&')], name='allocation_no_overlap', violation_error_code='insufficient_capacity', violation_error_message='The server is already booked in this period.'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', [portal.reservations.states.AllocationState['BOOKED'], portal.reservations.states.AllocationState['CLEANING'], portal.reservations.states.AllocationState['SERVING']])), fields=('reservation', 'hostname'), name='allocation_hostname_once'),
        ),
    ]
