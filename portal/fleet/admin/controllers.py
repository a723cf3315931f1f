"""What BMCs should be like, and what they were found to be."""

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, Values, act_on, in_state
from portal.audit.staff.forms import ActForm
from portal.audit.staff.panels import Panel, show_on
from portal.core.actors import Actor
from portal.fleet import controllers
from portal.fleet.models import FirmwareBaseline, FirmwareReading, Server, ServerType


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class Lines(forms.CharField):
    """One entry a line."""

    def __init__(self, *, label: str, help_text: str) -> None:
        """Show a text area; nothing in it is an empty list."""
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 6})
        super().__init__(label=label, help_text=help_text, widget=widget, required=False, max_length=10_000)


class BaselineForm(ActForm):
    """What the BMCs of servers of a type may run, and who may log in."""

    firmware = Lines(
        label="Firmware",
        help_text="One component a line, as BMCs name it, with the versions it may run: BIOS = 3.7.1, 3.7.2. * is any.",
    )
    accounts = Lines(
        label="Accounts",
        help_text="Accounts beside ours that may be there, one a line. Their role and password are not looked at.",
    )

    def clean_firmware(self) -> dict[str, list[str]]:
        """Return the versions by component."""
        found: dict[str, list[str]] = {}
        for line in _lines(self.cleaned_data["firmware"]):
            name, sign, versions = (part.strip() for part in line.partition("="))
            if not sign or name in found:
                raise forms.ValidationError(f"{line[:60]}: write COMPONENT = VERSION, VERSION, each component once.")
            found[name] = [version.strip() for version in versions.split(",") if version.strip()]
        return found

    def clean_accounts(self) -> list[str]:
        """Return the names."""
        return _lines(self.cleaned_data["accounts"])


class BootOrderForm(ActForm):
    """What a server boots from."""

    boot_order = Lines(label="Boot order", help_text="Boot options as the BMC lists them, first to last, one a line.")

    def clean_boot_order(self) -> list[str]:
        """Return the options in order."""
        return _lines(self.cleaned_data["boot_order"])


def _initial(server_type: ServerType) -> dict[str, str]:
    rows = server_type.firmware_baselines.order_by("component")
    firmware = "\n".join(f"{row.component} = {', '.join(row.versions)}" for row in rows)
    return {"firmware": firmware, "accounts": "\n".join(server_type.bmc_accounts)}


def _record_order(actor: Actor, server: Server, values: Values) -> None:
    controllers.record_boot_order(actor=actor, server=server, boot_order=values["boot_order"])


show_on(
    ServerType,
    Panel(
        "Firmware that servers may run",
        FirmwareBaseline,
        lambda server_type: server_type.firmware_baselines.order_by("component"),
        (columns.code("component", "Component"), columns.column("Versions", lambda row: ", ".join(row.versions))),
    ),
)
act_on(
    ServerType,
    Act(
        name="bmc_baseline",
        title="Set firmware and accounts",
        permission="fleet.change_servertype",
        perform=lambda actor, row, values: controllers.set_baseline(actor=actor, server_type=row, **values),
        form=BaselineForm,
        initial=_initial,
        effects=(
            "After each erasure the BMC is held against this; a server that differs is quarantined.",
            "A component or account that is not listed may not be there.",
        ),
        done="What BMCs of {row} should be like is set.",
        icon="fact_check",
    ),
)
show_on(
    Server,
    Panel(
        "Firmware found",
        FirmwareReading,
        lambda server: server.firmware_readings.order_by("-at", "component"),
        (
            columns.code("component", "Component"),
            columns.code("version", "Found"),
            columns.code("expected", "Expected"),
            columns.column(
                "Result",
                lambda row: columns.label("as listed", "ok") if row.matches else columns.label("differs", "bad"),
            ),
            columns.moment("at", "When"),
            columns.target("operation_id_text", "Operation"),
        ),
    ),
)
act_on(
    Server,
    Act(
        name="boot_order",
        title="Record boot order",
        permission="fleet.change_server",
        perform=_record_order,
        form=BootOrderForm,
        fits=in_state(*controllers.RECORDED_IN),
        initial=lambda row: {"boot_order": "\n".join(row.bmc.boot_order)},
        effects=("After each erasure the BMC's boot order is held against this one; another means quarantine.",),
        done="The boot order of {row} is recorded.",
        icon="format_list_numbered",
    ),
)
