"""The database refuses to change or remove certificates and the keys that they were signed with, whoever asks."""

from django.db import migrations

TABLES = ("fleet_erasurecertificate", "fleet_certificatekey")
FUNCTION = """
CREATE FUNCTION fleet_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'certificates are append-only' USING ERRCODE = 'restrict_violation';
END
$$;
"""
TRIGGERS = """
CREATE TRIGGER {0}_append_only BEFORE UPDATE OR DELETE ON {0}
    FOR EACH ROW EXECUTE FUNCTION fleet_refuse_change();
CREATE TRIGGER {0}_no_truncate BEFORE TRUNCATE ON {0}
    FOR EACH STATEMENT EXECUTE FUNCTION fleet_refuse_change();
"""
NO_TRIGGERS = """
DROP TRIGGER {0}_append_only ON {0};
DROP TRIGGER {0}_no_truncate ON {0};
"""


class Migration(migrations.Migration):
    dependencies = [("fleet", "0008_certificates")]
    operations = [
        migrations.RunSQL(
            FUNCTION + "".join(TRIGGERS.format(table) for table in TABLES),
            "".join(NO_TRIGGERS.format(table) for table in TABLES) + "DROP FUNCTION fleet_refuse_change();",
        )
    ]
