import datetime
import django.core.validators
import django.db.models.deletion
import portal.core.clock
import portal.fleet.states
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Region',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('code', models.CharField(max_length=40, unique=True, validators=[django.core.validators.RegexValidator('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$', 'Use lower-case letters, digits and hyphens.')])),
                ('name', models.CharField(max_length=80)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Rack',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='racks', to='fleet.region')),
            ],
        ),
        migrations.CreateModel(
            name='Fabric',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('name', models.CharField(max_length=40)),
                ('technology', models.CharField(help_text='Such as NDR 400G.', max_length=40)),
                ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fabrics', to='fleet.region')),
            ],
        ),
        migrations.CreateModel(
            name='Server',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state', models.CharField(db_index=True, editable=False, max_length=24)),
                ('state_reason', models.TextField(blank=True, default='', editable=False)),
                ('state_changed_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('state_deadline_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('name', models.CharField(max_length=63, unique=True, validators=[django.core.validators.RegexValidator('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$', 'Use lower-case letters, digits and hyphens.')])),
                ('rack_unit', models.PositiveSmallIntegerField()),
                ('serial', models.CharField(max_length=64, unique=True)),
                ('system_uuid', models.UUIDField(help_text='As the BMC reports it.', unique=True)),
                ('ssh_host', models.CharField(help_text='Address at which the tenant reaches it.', max_length=255)),
                ('ssh_port', models.PositiveIntegerField(default=22)),
                ('fabric', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='servers', to='fleet.fabric')),
                ('rack', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='servers', to='fleet.rack')),
                ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='servers', to='fleet.region')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='NIC',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mac', models.CharField(max_length=17, unique=True)),
                ('purpose', models.CharField(default='provisioning', max_length=20)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='nics', to='fleet.server')),
            ],
            options={
                'verbose_name': 'NIC',
            },
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('operation_id_text', models.CharField(help_text='Public id of the operation.', max_length=40)),
                ('drive_serial', models.CharField(max_length=64)),
                ('method', models.CharField(max_length=20)),
                ('bytes_erased', models.BigIntegerField()),
                ('bytes_verified', models.BigIntegerField()),
                ('residue_bytes', models.BigIntegerField()),
                ('at', models.DateTimeField(default=portal.core.clock.now)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='erasures', to='fleet.server')),
            ],
        ),
        migrations.CreateModel(
            name='Drive',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('serial', models.CharField(max_length=64, unique=True)),
                ('model', models.CharField(max_length=80)),
                ('size_bytes', models.BigIntegerField()),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='drives', to='fleet.server')),
            ],
        ),
        migrations.CreateModel(
            name='BMC',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(help_text='https://host:port', max_length=255)),
                ('username', models.CharField(max_length=64)),
                ('password_encrypted', models.TextField(help_text='Encrypted; never shown.')),
                ('server', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='bmc', to='fleet.server')),
            ],
            options={
                'verbose_name': 'BMC',
            },
        ),
        migrations.CreateModel(
            name='ServerType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(max_length=40, unique=True, validators=[django.core.validators.RegexValidator('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$', 'Use lower-case letters, digits and hyphens.')])),
                ('name', models.CharField(max_length=80)),
                ('gpu_model', models.CharField(max_length=80)),
                ('gpu_count', models.PositiveSmallIntegerField()),
                ('gpu_memory_gb', models.PositiveIntegerField(help_text='Per GPU.')),
                ('cpu', models.CharField(max_length=80)),
                ('memory_gb', models.PositiveIntegerField()),
                ('storage', models.CharField(max_length=80)),
                ('interconnect', models.CharField(max_length=80)),
                ('lead_time', models.DurationField(default=datetime.timedelta(seconds=1200), help_text='How long before its start a reservation begins to be provisioned.')),
                ('cleanup_time', models.DurationField(default=datetime.timedelta(seconds=1800), help_text='How long after the end a server stays booked to be erased and checked.')),
            ],
            options={
                'ordering': ['slug'],
                'constraints': [models.CheckConstraint(condition=models.Q(('gpu_count__gte', 1)), name='server_type_has_gpus'), models.CheckConstraint(condition=models.Q(('cleanup_time__gte', datetime.timedelta(0)), ('lead_time__gte', datetime.timedelta(0))), name='server_type_times_positive')],
            },
        ),
        migrations.AddField(
            model_name='server',
            name='server_type',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='servers', to='fleet.servertype'),
        ),
        migrations.AddConstraint(
            model_name='rack',
            constraint=models.UniqueConstraint(fields=('region', 'name'), name='rack_name_once'),
        ),
        migrations.AddConstraint(
            model_name='fabric',
            constraint=models.UniqueConstraint(fields=('region', 'name'), name='fabric_name_once'),
        ),
        migrations.AddConstraint(
            model_name='erasure',
            constraint=models.UniqueConstraint(fields=('server', 'operation_id_text', 'drive_serial'), name='erasure_once'),
        ),
        migrations.AddConstraint(
            model_name='erasure',
            constraint=models.CheckConstraint(condition=models.Q(('bytes_erased__gte', 0), ('bytes_verified__gte', 0), ('residue_bytes__gte', 0)), name='erasure_counts'),
        ),
        migrations.AddConstraint(
            model_name='bmc',
            constraint=models.CheckConstraint(condition=models.Q(('address__startswith', 'https://')), name='bmc_speaks_tls'),
        ),
        migrations.AddIndex(
            model_name='server',
            index=models.Index(fields=['server_type', 'region', 'fabric', 'id'], name='server_pool'),
        ),
        migrations.AddConstraint(
            model_name='server',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', [portal.fleet.states.ServerState['AVAILABLE'], portal.fleet.states.ServerState['DEPLOY_FAILED'], portal.fleet.states.ServerState['DEPLOYING'], portal.fleet.states.ServerState['ENROLLED'], portal.fleet.states.ServerState['IN_USE'], portal.fleet.states.ServerState['INSPECT_FAILED'], portal.fleet.states.ServerState['INSPECTING'], portal.fleet.states.ServerState['MAINTENANCE'], portal.fleet.states.ServerState['QUARANTINED'], portal.fleet.states.ServerState['RELEASE_FAILED'], portal.fleet.states.ServerState['RELEASING'], portal.fleet.states.ServerState['RETIRED']])), name='server_state_known'),
        ),
        migrations.AddConstraint(
            model_name='server',
            constraint=models.UniqueConstraint(fields=('ssh_host', 'ssh_port'), name='server_address_once'),
        ),
        migrations.AddConstraint(
            model_name='server',
            constraint=models.UniqueConstraint(fields=('rack', 'rack_unit'), name='server_place_once'),
        ),
    ]
