from datetime import timedelta

from django.db import migrations

from portal.core import clock, ids

WAIT = timedelta(days=30)


def ask_for_what_is_pending(apps, _schema_editor):
    """Put the requests that have no answer yet into the queue of what takes two people."""
    Approval = apps.get_model("approvals", "Approval")
    User, APIToken = apps.get_model("tenancy", "User"), apps.get_model("tenancy", "APIToken")
    pending = apps.get_model("quotas", "QuotaRequest").objects.filter(state="pending")
    for row in pending.select_related("server_type", "region", "project").order_by("pk"):
        token = APIToken.objects.filter(public_id=row.requested_by_id).first()
        person = User.objects.filter(public_id=row.requested_by_id).first()
        Approval.objects.create(
            public_id=ids.new_id("apr"),
            state="pending",
            state_deadline_at=clock.now() + WAIT,
            kind="quota_increase",
            subject=row.public_id,
            data={
                "server_type": row.server_type.slug,
                "region": row.region.code,
                "limit": row.limit,
                "gpu_hours_per_month": row.gpu_hours_per_month,
                "project": row.project.public_id if row.applies_to == "project" else None,
            },
            organization_id=row.organization_id,
            requested_by_id=token.created_by_id if token else person.pk if person else None,
            requester_kind="token" if token else "user" if person else "system",
            requester_id=row.requested_by_id,
            requester_label=row.requested_by,
            reason=row.reason,
        )


class Migration(migrations.Migration):

    dependencies = [
        ("approvals", "0002_asked_once"),
        ("quotas", "0003_projects_and_requests"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="quotarequest",
            options={
                "ordering": ["-pk"],
                "permissions": [("decide_quota_increase", "Can decide on increases of quota")],
            },
        ),
        migrations.RunPython(ask_for_what_is_pending, migrations.RunPython.noop),
    ]
