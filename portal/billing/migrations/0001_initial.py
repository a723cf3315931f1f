import datetime
import django.contrib.postgres.fields.ranges
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import portal.billing.states
import portal.core.clock
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ("fleet", "0015_allreduce_band"),
        ("reservations", "0011_sla_tier"),
        ("tenancy", "0003_approval_limit"),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "public_id",
                    models.CharField(editable=False, max_length=40, unique=True),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("receivable", "Receivable"),
                            ("prepaid", "Prepaid"),
                            ("revenue", "Revenue"),
                            ("credits", "Credits given"),
                            ("tax", "Tax"),
                            ("cash", "Cash"),
                        ],
                        max_length=16,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="tenancy.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["organization", "kind", "currency"],
            },
        ),
        migrations.CreateModel(
            name="BillingProfile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "legal_name",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Empty: the organization's name.",
                        max_length=160,
                    ),
                ),
                ("address", models.TextField(blank=True, default="", max_length=600)),
                (
                    "country",
                    models.CharField(
                        blank=True, default="", help_text="ISO 3166 code.", max_length=2
                    ),
                ),
                (
                    "tax_id",
                    models.CharField(
                        blank=True, default="", max_length=40, verbose_name="tax id"
                    ),
                ),
                (
                    "tax_rate",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        help_text="Percent.",
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("100")),
                        ],
                    ),
                ),
                (
                    "payment_days",
                    models.PositiveSmallIntegerField(
                        default=30,
                        help_text="From the issue to when it is due.",
                        validators=[django.core.validators.MaxValueValidator(365)],
                    ),
                ),
                (
                    "po_number",
                    models.CharField(
                        blank=True, default="", max_length=60, verbose_name="PO number"
                    ),
                ),
                (
                    "is_prepaid",
                    models.BooleanField(
                        default=False,
                        help_text="Invoices are paid from what was paid ahead.",
                        verbose_name="prepaid",
                    ),
                ),
                (
                    "is_reviewed",
                    models.BooleanField(
                        default=False,
                        help_text="Invoices wait as drafts until finance issues them.",
                        verbose_name="reviewed",
                    ),
                ),
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="billing_profile",
                        to="tenancy.organization",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CreditGrant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "public_id",
                    models.CharField(editable=False, max_length=40, unique=True),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=16)),
                ("currency", models.CharField(max_length=3)),
                (
                    "label",
                    models.CharField(
                        help_text="What the invoice says.", max_length=200
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        help_text="What it is for: granted once.",
                        max_length=80,
                        unique=True,
                    ),
                ),
                (
                    "month",
                    models.DateField(
                        help_text="First day of the month that it is for."
                    ),
                ),
                ("granted_by", models.CharField(max_length=200)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_grants",
                        to="tenancy.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "public_id",
                    models.CharField(editable=False, max_length=40, unique=True),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "label",
                    models.CharField(
                        help_text="Dotted, stable: invoice.issued, payment.received.",
                        max_length=40,
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        help_text="Public id of what it is for.", max_length=80
                    ),
                ),
                ("words", models.CharField(max_length=200)),
                ("actor_label", models.CharField(max_length=200)),
            ],
            options={
                "verbose_name_plural": "entries",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("label", "reference"), name="entry_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "public_id",
                    models.CharField(editable=False, max_length=40, unique=True),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "state",
                    models.CharField(db_index=True, editable=False, max_length=24),
                ),
                (
                    "state_reason",
                    models.TextField(blank=True, default="", editable=False),
                ),
                (
                    "state_changed_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "state_deadline_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                ("month", models.DateField(help_text="Its first day.")),
                ("currency", models.CharField(max_length=3)),
                (
                    "number",
                    models.CharField(blank=True, max_length=20, null=True, unique=True),
                ),
                (
                    "subtotal",
                    models.DecimalField(
                        decimal_places=2, help_text="Sum of its lines.", max_digits=16
                    ),
                ),
                (
                    "tax_rate",
                    models.DecimalField(
                        decimal_places=2, default=Decimal("0"), max_digits=5
                    ),
                ),
                (
                    "tax",
                    models.DecimalField(
                        decimal_places=2, default=Decimal("0"), max_digits=16
                    ),
                ),
                ("total", models.DecimalField(decimal_places=2, max_digits=16)),
                ("seller", models.JSONField(help_text="Who bills, as it was.")),
                ("buyer", models.JSONField(help_text="Who is billed, as it was.")),
                ("issued_at", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="tenancy.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="CreditNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "public_id",
                    models.CharField(editable=False, max_length=40, unique=True),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                ("number", models.CharField(max_length=20, unique=True)),
                ("net", models.DecimalField(decimal_places=2, max_digits=16)),
                (
                    "tax",
                    models.DecimalField(
                        decimal_places=2, default=Decimal("0"), max_digits=16
                    ),
                ),
                ("total", models.DecimalField(decimal_places=2, max_digits=16)),
                ("reason", models.CharField(max_length=200)),
                ("issued_at", models.DateTimeField()),
                ("issued_by", models.CharField(max_length=200)),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="billing.invoice",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("committed", "Committed"),
                            ("overflow", "Beyond the commitment"),
                            ("on_demand", "On demand"),
                            ("fee", "Fee"),
                            ("shortfall", "Up to the minimum"),
                            ("correction", "Correction"),
                            ("credit", "Credit"),
                        ],
                        max_length=12,
                    ),
                ),
                ("label", models.CharField(max_length=200)),
                (
                    "period",
                    django.contrib.postgres.fields.ranges.DateTimeRangeField(
                        blank=True, null=True
                    ),
                ),
                (
                    "gpu_hours",
                    models.DecimalField(
                        blank=True, decimal_places=6, max_digits=18, null=True
                    ),
                ),
                (
                    "rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        help_text="Per GPU-hour.",
                        max_digits=12,
                        null=True,
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=16)),
                (
                    "grant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="billing.creditgrant",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="billing.invoice",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.project",
                    ),
                ),
                (
                    "reservation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoice_lines",
                        to="reservations.reservation",
                    ),
                ),
            ],
            options={
                "ordering": ["invoice", "position"],
            },
        ),
        migrations.CreateModel(
            name="Leg",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=16)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="legs",
                        to="billing.account",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="legs",
                        to="billing.entry",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="MonthClose",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("month", models.DateField(help_text="Its first day.")),
                (
                    "at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="closed_months",
                        to="tenancy.organization",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="NumberSeries",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("name", models.CharField(max_length=16, unique=True)),
                ("last", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "number series",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("last__gte", 0)), name="number_series_last"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "public_id",
                    models.CharField(editable=False, max_length=40, unique=True),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=16)),
                ("currency", models.CharField(max_length=3)),
                ("received_on", models.DateField()),
                (
                    "reference",
                    models.CharField(
                        help_text="The bank's: each is recorded once.",
                        max_length=80,
                        unique=True,
                    ),
                ),
                ("recorded_by", models.CharField(max_length=200)),
                (
                    "invoice",
                    models.ForeignKey(
                        blank=True,
                        help_text="Without one it is paid ahead.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="billing.invoice",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="tenancy.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="UsageRecord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "meter",
                    models.CharField(
                        choices=[("reserved", "Reserved"), ("powered", "Powered on")],
                        max_length=8,
                    ),
                ),
                ("month", models.DateField()),
                ("revision", models.PositiveSmallIntegerField(default=0)),
                (
                    "period",
                    django.contrib.postgres.fields.ranges.DateTimeRangeField(
                        blank=True, null=True
                    ),
                ),
                ("duration", models.DurationField()),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Of a correction.",
                        max_length=200,
                    ),
                ),
                ("recorded_by", models.CharField(max_length=200)),
                (
                    "recorded_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "allocation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="usage",
                        to="reservations.allocation",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="usage",
                        to="tenancy.organization",
                    ),
                ),
                (
                    "reservation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="usage",
                        to="reservations.reservation",
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="fleet.server",
                    ),
                ),
            ],
            options={
                "ordering": ["month", "reservation", "position", "pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(
                fields=("organization", "kind", "currency"),
                name="account_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("currency__in", ["CHF", "EUR", "GBP", "JPY", "SEK", "USD"])
                ),
                name="account_currency_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        ["receivable", "prepaid", "revenue", "credits", "tax", "cash"],
                    )
                ),
                name="account_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind__in", ("receivable", "prepaid")),
                        ("organization__isnull", False),
                    ),
                    models.Q(
                        models.Q(
                            ("kind__in", ("receivable", "prepaid")), _negated=True
                        ),
                        ("organization__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="account_belongs",
            ),
        ),
        migrations.AddConstraint(
            model_name="billingprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_rate__gte", 0), ("tax_rate__lte", 100)),
                name="billing_profile_tax_rate",
            ),
        ),
        migrations.AddConstraint(
            model_name="billingprofile",
            constraint=models.CheckConstraint(
                condition=models.Q(("payment_days__lte", 365)),
                name="billing_profile_payment_days",
            ),
        ),
        migrations.AddConstraint(
            model_name="creditgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="credit_grant_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="creditgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("currency__in", ["CHF", "EUR", "GBP", "JPY", "SEK", "USD"])
                ),
                name="credit_grant_currency_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="creditgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(("month__day", 1)), name="credit_grant_first_day"
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                fields=["organization", "-month"], name="invoice_by_month"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            portal.billing.states.InvoiceState["DRAFT"],
                            portal.billing.states.InvoiceState["ISSUED"],
                            portal.billing.states.InvoiceState["PAID"],
                            portal.billing.states.InvoiceState["VOID"],
                        ],
                    )
                ),
                name="invoice_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "void"), _negated=True),
                fields=("organization", "month", "currency"),
                name="invoice_once_a_month",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("currency__in", ["CHF", "EUR", "GBP", "JPY", "SEK", "USD"])
                ),
                name="invoice_currency_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("month__day", 1)), name="invoice_first_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("subtotal__gte", 0),
                    ("tax__gte", 0),
                    (
                        "total",
                        django.db.models.expressions.CombinedExpression(
                            models.F("subtotal"), "+", models.F("tax")
                        ),
                    ),
                ),
                name="invoice_adds_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "void"),
                    models.Q(
                        ("issued_at__isnull", True),
                        ("number__isnull", True),
                        ("state", "draft"),
                    ),
                    models.Q(
                        ("due_at__isnull", False),
                        ("issued_at__isnull", False),
                        ("number__isnull", False),
                        ("state__in", ["issued", "paid"]),
                    ),
                    _connector="OR",
                ),
                name="invoice_number_when_issued",
            ),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("net__gt", 0),
                    ("tax__gte", 0),
                    (
                        "total",
                        django.db.models.expressions.CombinedExpression(
                            models.F("net"), "+", models.F("tax")
                        ),
                    ),
                ),
                name="credit_note_adds_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True),
                name="credit_note_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.UniqueConstraint(
                fields=("invoice", "position"), name="invoice_line_position_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "committed",
                            "overflow",
                            "on_demand",
                            "fee",
                            "shortfall",
                            "correction",
                            "credit",
                        ],
                    )
                ),
                name="invoice_line_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount__lt", 0), ("grant__isnull", False), ("kind", "credit")
                    ),
                    models.Q(
                        models.Q(("kind", "credit"), _negated=True),
                        ("grant__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="invoice_line_credit_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["credit", "correction"]),
                    ("amount__gte", 0),
                    _connector="OR",
                ),
                name="invoice_line_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="leg",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount", 0), _negated=True), name="leg_not_nothing"
            ),
        ),
        migrations.AddConstraint(
            model_name="leg",
            constraint=models.UniqueConstraint(
                fields=("entry", "account"), name="leg_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="monthclose",
            constraint=models.UniqueConstraint(
                fields=("organization", "month"), name="month_closed_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="monthclose",
            constraint=models.CheckConstraint(
                condition=models.Q(("month__day", 1)), name="month_close_first_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="payment_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("currency__in", ["CHF", "EUR", "GBP", "JPY", "SEK", "USD"])
                ),
                name="payment_currency_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("reference", ""), _negated=True),
                name="payment_reference",
            ),
        ),
        migrations.AddIndex(
            model_name="usagerecord",
            index=models.Index(fields=["organization", "month"], name="usage_by_month"),
        ),
        migrations.AddConstraint(
            model_name="usagerecord",
            constraint=models.UniqueConstraint(
                fields=("allocation", "meter", "month", "revision"),
                name="usage_revision_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="usagerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("meter__in", ["reserved", "powered"])),
                name="usage_meter_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="usagerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("month__day", 1)), name="usage_month_first_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="usagerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("duration__gte", datetime.timedelta(0))),
                name="usage_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="usagerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("revision", 0),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="usage_correction_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="usagerecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("period__isnull", True),
                    (
                        "duration__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("period__endswith"),
                            "-",
                            models.F("period__startswith"),
                        ),
                    ),
                    _connector="OR",
                ),
                name="usage_within_period",
            ),
        ),
    ]
