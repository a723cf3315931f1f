import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import portal.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('catalog', '0001_initial'),
        ('fleet', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Allocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state', models.CharField(db_index=True, editable=False, max_length=24)),
                ('state_reason', models.TextField(blank=True, default='', editable=False)),
                ('state_changed_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state_deadline_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('position', models.PositiveSmallIntegerField()),
                ('hostname', models.CharField(max_length=63)),
                ('occupied', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
                ('ssh_user', models.CharField(blank=True, default='', max_length=32)),
                ('host_keys', models.JSONField(blank=True, default=list)),
                ('ready_at', models.DateTimeField(blank=True, null=True)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='fleet.server')),
            ],
            options={
                'ordering': ['reservation', 'position', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state', models.CharField(db_index=True, editable=False, max_length=24)),
                ('state_reason', models.TextField(blank=True, default='', editable=False)),
                ('state_changed_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state_deadline_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('name', models.CharField(max_length=40)),
                ('count', models.PositiveIntegerField()),
                ('period', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
                ('placement', models.CharField(choices=[('same_fabric', 'Same fabric'), ('any', 'Any')], max_length=16)),
                ('ssh_keys', models.JSONField(help_text='Public key lines as they were when it was made.')),
                ('user_data', models.TextField(blank=True, default='')),
                ('labels', models.JSONField(blank=True, default=dict)),
                ('rate_per_gpu_hour', models.DecimalField(decimal_places=6, max_digits=12)),
                ('price', models.DecimalField(decimal_places=2, max_digits=16)),
                ('currency', models.CharField(max_length=3)),
                ('requested_by', models.CharField(max_length=200)),
                ('degraded', models.BooleanField(default=False)),
                ('end_announced_at', models.DateTimeField(blank=True, null=True)),
                ('start_delayed_at', models.DateTimeField(blank=True, null=True)),
                ('image', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalog.osimage')),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
    ]
