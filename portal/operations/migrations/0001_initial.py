import django.db.models.deletion
import portal.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('catalog', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='BootToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('image', 'Image'), ('erase', 'Erase'), ('first_boot', 'First Boot')], max_length=12)),
                ('token_sha256', models.CharField(max_length=64, unique=True)),
                ('expires_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField(blank=True, null=True)),
                ('reported_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('result', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='OperationEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('subject', models.CharField(db_index=True, help_text='Public id of the reservation.', max_length=40)),
                ('hostname', models.CharField(blank=True, default='', max_length=63)),
                ('type', models.CharField(max_length=40)),
                ('message', models.TextField()),
                ('actor_label', models.CharField(max_length=200)),
                ('data', models.JSONField(blank=True, default=dict)),
                ('duration_ms', models.PositiveBigIntegerField(blank=True, null=True)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='OperationServer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(db_index=True, editable=False, max_length=24)),
                ('state_reason', models.TextField(blank=True, default='', editable=False)),
                ('state_changed_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state_deadline_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('position', models.PositiveSmallIntegerField()),
                ('hostname', models.CharField(max_length=63)),
                ('step', models.PositiveSmallIntegerField(default=0, help_text="Index in the catalogue's list of steps.")),
                ('step_attempts', models.PositiveSmallIntegerField(default=0)),
                ('step_started_at', models.DateTimeField(default=portal.core.clock.now)),
                ('stage', models.CharField(blank=True, default='', max_length=24)),
                ('percent', models.PositiveSmallIntegerField(default=0, help_text='Of the stage.')),
                ('error_code', models.CharField(blank=True, default='', max_length=40)),
                ('host_keys', models.JSONField(blank=True, default=list, help_text='SSH host keys that it phoned home with.')),
                ('verify_key_encrypted', models.TextField(blank=True, default='', help_text='Private half of the one-time check key.')),
            ],
            options={
                'ordering': ['operation', 'position'],
            },
        ),
        migrations.CreateModel(
            name='WorkerPulse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, unique=True)),
                ('seen_at', models.DateTimeField(default=portal.core.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name='Operation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state', models.CharField(db_index=True, editable=False, max_length=24)),
                ('state_reason', models.TextField(blank=True, default='', editable=False)),
                ('state_changed_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state_deadline_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('kind', models.CharField(choices=[('deploy', 'deploy'), ('release', 'release')], max_length=16)),
                ('subject', models.CharField(blank=True, db_index=True, default='', help_text='Public id of what it is done for.', max_length=40)),
                ('requested_by', models.CharField(max_length=200)),
                ('not_before', models.DateTimeField(default=portal.core.clock.now)),
                ('ssh_keys', models.JSONField(blank=True, default=list, help_text='Public key lines as they were when it was asked for.')),
                ('user_data', models.TextField(blank=True, default='')),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='How often a worker was lost.')),
                ('epoch', models.PositiveIntegerField(default=0, help_text='Counts the claims; writes of an older epoch are refused.')),
                ('claimed_by', models.CharField(blank=True, default='', max_length=120)),
                ('claim_expires_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('image', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalog.osimage')),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
    ]
