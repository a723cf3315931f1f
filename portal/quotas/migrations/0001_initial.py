import portal.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('limit', models.PositiveIntegerField(help_text='Servers held at one instant.')),
            ],
            options={
                'ordering': ['organization', 'server_type', 'region'],
            },
        ),
    ]
