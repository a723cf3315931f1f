"""The database keeps the ledger balanced, and what is written about money and usage as it was written."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
TABLES = ("account", "entry", "leg", "usagerecord", "creditgrant", "creditnote", "payment", "invoiceline")
BACKWARD = "".join(
    f"DROP TRIGGER billing_{table}_append_only ON billing_{table}; DROP TRIGGER billing_{table}_no_truncate ON billing_{table};\n"
    for table in TABLES
)
CHECKS = """
DROP TRIGGER billing_invoiceline_on_draft ON billing_invoiceline;
DROP TRIGGER billing_invoice_kept ON billing_invoice;
DROP TRIGGER billing_invoice_no_truncate ON billing_invoice;
DROP TRIGGER billing_numberseries_by_one ON billing_numberseries;
DROP TRIGGER billing_entry_balanced ON billing_entry;
DROP TRIGGER billing_leg_balanced ON billing_leg;
DROP FUNCTION billing_keep_line, billing_keep_invoice, billing_keep_series, billing_check_entry, billing_refuse_change;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "\n".join((SQL / name).read_text() for name in ("ledger.sql", "invoices.sql")), BACKWARD + CHECKS
        )
    ]
