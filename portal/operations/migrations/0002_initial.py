import django.db.models.deletion
import portal.operations.states
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('fleet', '0001_initial'),
        ('operations', '0001_initial'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='operation',
            name='project',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='operations', to='tenancy.project'),
        ),
        migrations.AddField(
            model_name='operationevent',
            name='operation',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='operations.operation'),
        ),
        migrations.AddField(
            model_name='operationevent',
            name='server',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='fleet.server'),
        ),
        migrations.AddField(
            model_name='operationserver',
            name='operation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='operations.operation'),
        ),
        migrations.AddField(
            model_name='operationserver',
            name='server',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='fleet.server'),
        ),
        migrations.AddField(
            model_name='boottoken',
            name='part',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='boots', to='operations.operationserver'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', [portal.operations.states.OperationState['CANCELLED'], portal.operations.states.OperationState['CLAIMED'], portal.operations.states.OperationState['FAILED'], portal.operations.states.OperationState['QUEUED'], portal.operations.states.OperationState['RUNNING'], portal.operations.states.OperationState['SUCCEEDED'], portal.operations.states.OperationState['TIMED_OUT']])), name='operation_state_known'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', [portal.operations.states.OperationKind['DEPLOY'], portal.operations.states.OperationKind['RELEASE']])), name='operation_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('claim_expires_at', None), ('claimed_by', '')), models.Q(models.Q(('claimed_by', ''), _negated=True), ('claim_expires_at__isnull', False)), _connector='OR'), name='operation_claim_whole'),
        ),
        migrations.AddIndex(
            model_name='operationevent',
            index=models.Index(fields=['subject', 'id'], name='event_by_subject'),
        ),
        migrations.AddConstraint(
            model_name='operationserver',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', [portal.operations.states.PartState['AWAITING'], portal.operations.states.PartState['CANCELLED'], portal.operations.states.PartState['FAILED'], portal.operations.states.PartState['READY'], portal.operations.states.PartState['SUCCEEDED'], portal.operations.states.PartState['WORKING']])), name='operation_server_state_known'),
        ),
        migrations.AddConstraint(
            model_name='operationserver',
            constraint=models.UniqueConstraint(fields=('operation', 'server'), name='operation_server_once'),
        ),
        migrations.AddConstraint(
            model_name='operationserver',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', [portal.operations.states.PartState['AWAITING'], portal.operations.states.PartState['READY'], portal.operations.states.PartState['WORKING']])), fields=('server',), name='server_in_one_open_operation'),
        ),
        migrations.AddConstraint(
            model_name='operationserver',
            constraint=models.CheckConstraint(condition=models.Q(('percent__lte', 100)), name='operation_server_percent'),
        ),
        migrations.AddConstraint(
            model_name='boottoken',
            constraint=models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('part', 'purpose'), name='boot_token_one_valid'),
        ),
    ]
