import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import portal.core.clock
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('fleet', '0001_initial'),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name='OSImage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('version', models.CharField(max_length=40)),
                ('default_user', models.CharField(default='ubuntu', max_length=32)),
                ('file_name', models.CharField(help_text='Name in the folder of image files.', max_length=120, unique=True)),
                ('size_bytes', models.BigIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('is_published', models.BooleanField(default=True)),
            ],
            options={
                'verbose_name': 'OS image',
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('sha256__regex', '^[0-9a-f]{64}$')), name='os_image_digest'), models.CheckConstraint(condition=models.Q(('size_bytes__gt', 0)), name='os_image_size'), models.CheckConstraint(condition=models.Q(('file_name__regex', '^[A-Za-z0-9][A-Za-z0-9._-]*$')), name='os_image_file')],
            },
        ),
        migrations.CreateModel(
            name='PriceBook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('currency', models.CharField(max_length=3)),
                ('valid', django.contrib.postgres.fields.ranges.DateTimeRangeField()),
            ],
            options={
                'constraints': [django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('currency', '='), ('valid', '&&')], name='price_book_no_overlap'), models.CheckConstraint(condition=models.Q(('valid__startswith__isnull', False)), name='price_book_begins')],
            },
        ),
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('per_gpu_hour', models.DecimalField(decimal_places=6, max_digits=12)),
                ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='prices', to='fleet.region')),
                ('server_type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='prices', to='fleet.servertype')),
                ('book', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='catalog.pricebook')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('book', 'server_type', 'region'), name='price_once'), models.CheckConstraint(condition=models.Q(('per_gpu_hour__gte', 0)), name='price_not_negative')],
            },
        ),
    ]
