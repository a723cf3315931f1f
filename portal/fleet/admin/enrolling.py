"""Entering a new server."""

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from portal.audit.staff.acts import Act, On, Values, act_on
from portal.audit.staff.forms import ActForm
from portal.core.actors import Actor
from portal.fleet.enrolling import LAST_PORT, LAST_UNIT, NewDrive, NewServer, enrol
from portal.fleet.models import BootMethod, Fabric, Server, ServerType


class EnrolForm(ActForm):
    """What staff know of a server that has come."""

    name = forms.CharField(max_length=63, help_text="Small letters, digits and hyphens.")
    server_type = forms.ModelChoiceField(ServerType.objects.order_by("slug"), label="Type")
    fabric = forms.ModelChoiceField(Fabric.objects.order_by("name"), help_text="Its region is that of the server.")
    rack = forms.CharField(max_length=40)
    rack_unit = forms.IntegerField(min_value=1, max_value=LAST_UNIT)
    serial = forms.CharField(label="Serial number", max_length=64, help_text="As its firmware tells it.")
    system_uuid = forms.UUIDField(label="System UUID", help_text="As its BMC tells it.")
    ssh_host = forms.CharField(label="Address", max_length=255, help_text="At which its tenant reaches it by SSH.")
    ssh_port = forms.IntegerField(label="SSH port", min_value=1, max_value=LAST_PORT, initial=22)
    bmc_address = forms.CharField(label="BMC", max_length=255, help_text="https://host:port of its Redfish service.")
    bmc_username = forms.CharField(label="BMC user", max_length=64)
    bmc_password = forms.CharField(
        label="BMC password",
        max_length=128,
        strip=False,
        widget=UnfoldAdminPasswordWidget(),
        help_text="The inspection changes it.",
    )
    boot_method = forms.ChoiceField(label="Boots by", choices=BootMethod.choices)
    macs = forms.CharField(
        label="MAC addresses",
        max_length=4000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="One a line, such as 02:4d:59:00:00:01.",
    )
    drives = forms.CharField(
        max_length=10_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="One a line: serial number, model, bytes, with commas between them.",
    )

    def clean_macs(self) -> list[str]:
        """Return the addresses."""
        return str(self.cleaned_data["macs"]).lower().split()

    def clean_drives(self) -> list[NewDrive]:
        """Return the drives. Raises ValidationError on a line that is none."""
        found = []
        for line in filter(str.strip, str(self.cleaned_data["drives"]).splitlines()):
            parts = [part.strip() for part in line.split(",")]
            if len(parts) != 3 or not parts[2].isascii() or not parts[2].isdecimal() or len(parts[2]) > 19:
                raise forms.ValidationError(f"{line[:60]}: write SERIAL NUMBER, MODEL, BYTES.")
            found.append(NewDrive(parts[0], parts[1], int(parts[2])))
        return found


def _enrol(actor: Actor, _row: None, values: Values) -> Server:
    return enrol(actor=actor, new=NewServer(**values))


act_on(
    Server,
    Act(
        name="enrol",
        title="Enrol server",
        permission="fleet.change_server",
        on=On.LIST,
        perform=_enrol,
        form=EnrolForm,
        effects=(
            "The server is known, and not sold yet.",
            "Record its switch port, then have it inspected: one that is as bought is erased, and sold then.",
        ),
        done="{row} is enrolled.",
        icon="add",
    ),
)
