-- As if no month had ever been closed, nor a promise of one measured.
SET session_replication_role = replica;
TRUNCATE billing_account, billing_creditgrant, billing_creditnote, billing_entry, billing_invoice, billing_invoiceline,
    billing_leg, billing_monthclose, billing_numberseries, billing_payment, billing_reminder, billing_usagerecord,
    sla_outage, sla_servermonth, sla_slacredit;
SET session_replication_role = origin;
