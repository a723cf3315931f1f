"""What servers are made of: the bill of a type, and what each inspection found."""

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.panels import Panel, show_on
from portal.fleet import inspections
from portal.fleet.models import BillOfMaterials, Inspection, Server, ServerType

MOST = 1024
PARTS = (
    "gpu_pci_ids",
    "nic_count",
    "nic_speed_mbps",
    "drive_count",
    "drive_bytes",
)


class BillForm(ActForm):
    """What servers of a type are made of, beside what the type itself says."""

    gpu_pci_ids = forms.CharField(
        label="PCI ids of its GPUs",
        max_length=400,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="One a line, vendor and device, such as 10de:2330.",
    )
    nic_count = forms.IntegerField(label="Network ports, at least", min_value=0, max_value=MOST)
    nic_speed_mbps = forms.IntegerField(label="Speed of each in Mbit/s, at least", min_value=0, max_value=10_000_000)
    drive_count = forms.IntegerField(label="Drives", min_value=1, max_value=MOST)
    drive_bytes = forms.IntegerField(label="Size of each in bytes, at least", min_value=1, max_value=2**62)

    def clean_gpu_pci_ids(self) -> list[str]:
        """Return the ids."""
        found: list[str] = self.cleaned_data["gpu_pci_ids"].lower().split()
        for name in found:
            forms.RegexField(r"^[0-9a-f]{4}:[0-9a-f]{4}\Z").clean(name)
        return found


def _initial(server_type: ServerType) -> dict[str, object]:
    bill = BillOfMaterials.objects.filter(server_type=server_type).first()
    if bill is None:
        return {}
    return {name: getattr(bill, name) for name in PARTS} | {"gpu_pci_ids": "\n".join(bill.gpu_pci_ids)}


show_on(
    ServerType,
    Panel(
        "Bill of materials",
        BillOfMaterials,
        lambda server_type: BillOfMaterials.objects.filter(server_type=server_type),
        (
            columns.column("GPUs by PCI", lambda row: ", ".join(row.gpu_pci_ids)),
            columns.field("nic_count", "Network ports"),
            columns.field("nic_speed_mbps", "Mbit/s each"),
            columns.field("drive_count", "Drives"),
            columns.size("drive_bytes", "Size of each"),
        ),
    ),
)
act_on(
    ServerType,
    Act(
        name="bill",
        title="Set bill of materials",
        permission="fleet.change_servertype",
        perform=lambda actor, row, values: inspections.set_bill(actor=actor, server_type=row, **values),
        form=BillForm,
        initial=_initial,
        effects=("The next inspections are held against it; a server that differs does not become available.",),
        done="The bill of materials of {row} is set.",
        icon="receipt_long",
    ),
)
show_on(
    Server,
    Panel(
        "Inspections",
        Inspection,
        lambda server: server.inspections.order_by("-pk"),
        (
            columns.moment("at", "When"),
            columns.column(
                "Result",
                lambda row: columns.label("differs", "bad") if row.differences else columns.label("as bought", "ok"),
            ),
            columns.column("Differences", lambda row: "; ".join(row.differences)),
            columns.data("inventory", "Found"),
            columns.target("operation_id_text", "Operation"),
        ),
    ),
)
