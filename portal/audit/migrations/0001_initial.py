import portal.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('actor_kind', models.CharField(max_length=16)),
                ('actor_id', models.CharField(max_length=64)),
                ('actor_label', models.CharField(max_length=200)),
                ('verb', models.CharField(help_text='Dotted, stable: reservation.created, server.state_changed.', max_length=64)),
                ('target', models.CharField(help_text='Public id of what it was done to.', max_length=64)),
                ('scope', models.CharField(blank=True, default='', help_text='Public id of the organization concerned.', max_length=40)),
                ('data', models.JSONField(blank=True, default=dict)),
                ('request_id', models.CharField(blank=True, default='', max_length=64)),
            ],
            options={
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['target', '-id'], name='audit_by_target'), models.Index(fields=['scope', '-id'], name='audit_by_scope')],
            },
        ),
    ]
