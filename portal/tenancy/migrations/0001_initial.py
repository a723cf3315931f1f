import django.db.models.deletion
import django.db.models.functions.text
import portal.core.clock
import portal.tenancy.roles
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('name', models.CharField(blank=True, default='', max_length=80)),
                ('is_staff', models.BooleanField(default=False)),
                ('is_active', models.BooleanField(default=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
        ),
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('name', models.CharField(max_length=80)),
                ('currency', models.CharField(default='USD', max_length=3)),
            ],
            options={
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='organization_name_once')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('role', models.CharField(choices=[('owner', 'owner'), ('admin', 'admin'), ('operator', 'operator'), ('billing', 'billing'), ('viewer', 'viewer')], default=portal.tenancy.roles.Role['OPERATOR'], max_length=16)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='tenancy.organization')),
            ],
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('name', models.CharField(max_length=80)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='projects', to='tenancy.organization')),
            ],
        ),
        migrations.CreateModel(
            name='APIToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('name', models.CharField(max_length=80)),
                ('role', models.CharField(choices=[('owner', 'owner'), ('admin', 'admin'), ('operator', 'operator'), ('billing', 'billing'), ('viewer', 'viewer')], default=portal.tenancy.roles.Role['OPERATOR'], max_length=16)),
                ('prefix', models.CharField(help_text='First characters, to recognise it by.', max_length=20)),
                ('secret_sha256', models.CharField(max_length=64, unique=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_from', models.GenericIPAddressField(blank=True, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to='tenancy.project')),
            ],
            options={
                'verbose_name': 'API token',
            },
        ),
        migrations.CreateModel(
            name='SSHKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=40, unique=True)),
                ('created_at', models.DateTimeField(default=portal.core.clock.now, editable=False)),
                ('name', models.CharField(max_length=80)),
                ('public_key', models.TextField(help_text='One line in OpenSSH form, without options.')),
                ('key_type', models.CharField(max_length=40)),
                ('fingerprint', models.CharField(help_text='SHA256:..., as ssh-keygen -l shows it.', max_length=64)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ssh_keys', to='tenancy.project')),
            ],
            options={
                'verbose_name': 'SSH key',
            },
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='user_email_once', violation_error_message='This e-mail address has an account.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('user', 'organization'), name='membership_once'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', [portal.tenancy.roles.Role['ADMIN'], portal.tenancy.roles.Role['BILLING'], portal.tenancy.roles.Role['OPERATOR'], portal.tenancy.roles.Role['OWNER'], portal.tenancy.roles.Role['VIEWER']])), name='membership_role_known'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.UniqueConstraint(models.F('organization'), django.db.models.functions.text.Lower('name'), name='project_name_once'),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', [portal.tenancy.roles.Role['ADMIN'], portal.tenancy.roles.Role['BILLING'], portal.tenancy.roles.Role['OPERATOR'], portal.tenancy.roles.Role['OWNER'], portal.tenancy.roles.Role['VIEWER']])), name='api_token_role_known'),
        ),
        migrations.AddConstraint(
            model_name='sshkey',
            constraint=models.UniqueConstraint(models.F('project'), django.db.models.functions.text.Lower('name'), name='ssh_key_name_once'),
        ),
        migrations.AddConstraint(
            model_name='sshkey',
            constraint=models.UniqueConstraint(fields=('project', 'fingerprint'), name='ssh_key_once'),
        ),
        migrations.AddConstraint(
            model_name='sshkey',
            constraint=models.CheckConstraint(condition=models.Q(('public_key__regex', '[\\r\\n\\x01-\\x1f]'), _negated=True), name='ssh_key_is_one_line'),
        ),
    ]
