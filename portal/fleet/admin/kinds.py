"""Where servers stand and of what kinds they are."""

from django import forms
from django.contrib import admin

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.audit.staff.panels import Panel, show_on
from portal.fleet import services
from portal.fleet.erase_policy import EraseMethod, VerifyMode
from portal.fleet.models import Fabric, Rack, Region, Server, ServerType

SERVER_COUNT = columns.field("server_count", "Servers")
HELP = "Hours, minutes and seconds, such as 0:20:00."


class CountedAdmin(RecordAdmin):
    """Pages of something that servers belong to."""

    counts = {"server_count": "servers"}


@admin.register(Region)
class RegionAdmin(CountedAdmin):
    """A place with its own power and network."""

    list_display = (columns.field("code", "Code"), columns.field("name", "Name"), SERVER_COUNT)
    search_fields = ("code", "name", "public_id")
    ordering = ("code",)
    facts = (("", (columns.field("code", "Code"), columns.field("name", "Name"), columns.code("public_id", "Id"))),)


@admin.register(Fabric)
class FabricAdmin(CountedAdmin):
    """A network in which servers talk at full speed."""

    list_display = (
        columns.field("name", "Name"),
        columns.link("region", "Region", "region__code"),
        columns.field("technology", "Technology"),
        SERVER_COUNT,
    )
    list_filter = ("region",)
    list_select_related = ("region",)
    search_fields = ("name", "technology", "public_id")
    ordering = ("region__code", "name")
    facts = (
        (
            "",
            (
                columns.field("name", "Name"),
                columns.link("region", "Region"),
                columns.field("technology", "Technology"),
                columns.code("public_id", "Id"),
            ),
        ),
    )


@admin.register(Rack)
class RackAdmin(CountedAdmin):
    """A rack in a region."""

    list_display = (columns.field("name", "Name"), columns.link("region", "Region", "region__code"), SERVER_COUNT)
    list_filter = ("region",)
    list_select_related = ("region",)
    search_fields = ("name",)
    ordering = ("region__code", "name")
    facts = (("", (columns.field("name", "Name"), columns.link("region", "Region"))),)


class TimesForm(ActForm):
    """How long servers of a type take."""

    lead_time = forms.DurationField(label="To prepare before the start", help_text=HELP)
    cleanup_time = forms.DurationField(label="To clean up after the end", help_text=HELP)
    times_are_measured = forms.BooleanField(
        label="The time to clean up follows what past erasures took", required=False
    )


class ErasureForm(ActForm):
    """How servers of a type are erased."""

    methods = forms.CharField(
        label="Accepted ways of erasing, the best first",
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=f"One a line: {', '.join(EraseMethod)}.",
    )
    verify = forms.ChoiceField(
        label="Read back",
        choices=[(VerifyMode.FULL, "All of each drive"), (VerifyMode.SAMPLE, "5,000 random blocks, head and tail")],
    )


class AcceptanceForm(ActForm):
    """What servers of a type must be like to be handed over."""

    is_emulated = forms.BooleanField(
        label="Its servers are emulated or virtual: test doubles may stand in for GPUs", required=False
    )
    gpu_driver = forms.CharField(label="Version of the GPU driver", max_length=40, required=False)
    nvlinks = forms.IntegerField(label="NVLinks between any two GPUs", min_value=0, max_value=1000)
    fabric_ports = forms.IntegerField(label="Ports to the fabric that must be up", min_value=0, max_value=1000)
    link_rate_gbps = forms.IntegerField(label="Rate of each of these ports (Gb/s)", min_value=0, max_value=100_000)
    allreduce_busbw_gbps_min = forms.IntegerField(
        label="Least bus bandwidth of all-reduce (GB/s)",
        min_value=0,
        max_value=100_000,
        help_text="Peak over all GPUs of the servers that are handed over together, be it one or many.",
    )
    allreduce_busbw_gbps_max = forms.IntegerField(
        label="Most bus bandwidth of all-reduce (GB/s)",
        min_value=0,
        max_value=100_000,
        help_text="More than the hardware can do: a measurement above it is not believed.",
    )


@admin.register(ServerType)
class ServerTypeAdmin(CountedAdmin):
    """A kind of server that is sold."""

    list_display = (
        columns.field("name", "Name"),
        columns.code("slug", "Short name"),
        columns.field("gpu_model", "GPU"),
        columns.field("gpu_count", "GPUs"),
        SERVER_COUNT,
        columns.column("To prepare", lambda row: columns.short(row.lead_time), "lead_time"),
        columns.column("To clean up", lambda row: columns.short(row.cleanup_time), "cleanup_time"),
    )
    search_fields = ("name", "slug", "gpu_model", "cpu")
    search_help_text = "Name, short name, GPU or CPU"
    facts = (
        (
            "Machine",
            (
                columns.code("slug", "Short name"),
                columns.field("gpu_model", "GPU"),
                columns.field("gpu_count", "GPUs"),
                columns.field("gpu_memory_gb", "Memory per GPU (GB)"),
                columns.field("cpu", "CPU"),
                columns.field("memory_gb", "Memory (GB)"),
                columns.field("storage", "Storage"),
                columns.field("interconnect", "Interconnect"),
            ),
        ),
        (
            "Times",
            (
                columns.field("lead_time", "To prepare before the start"),
                columns.field("cleanup_time", "To clean up after the end"),
                columns.yes_or_no("times_are_measured", "Follows what erasures took"),
            ),
        ),
        (
            "Erasure",
            (
                columns.column("Accepted ways, best first", lambda row: ", ".join(row.erase_methods)),
                columns.field("erase_verify", "Read back"),
            ),
        ),
        (
            "Acceptance",
            (
                columns.yes_or_no("is_emulated", "Emulated or virtual"),
                columns.field("gpu_driver", "GPU driver"),
                columns.field("nvlinks", "NVLinks between two GPUs"),
                columns.field("fabric_ports", "Ports to the fabric"),
                columns.field("link_rate_gbps", "Rate of these ports (Gb/s)"),
                columns.field("allreduce_busbw_gbps_min", "Least all-reduce (GB/s)"),
                columns.field("allreduce_busbw_gbps_max", "Most all-reduce (GB/s)"),
            ),
        ),
    )


act_on(
    ServerType,
    Act(
        name="times",
        title="Set times",
        permission="fleet.change_servertype",
        perform=lambda actor, row, values: services.set_times(actor=actor, server_type=row, **values),
        form=TimesForm,
        initial=lambda row: {
            "lead_time": row.lead_time,
            "cleanup_time": row.cleanup_time,
            "times_are_measured": row.times_are_measured,
        },
        effects=("New reservations are planned with these times. What is booked already keeps its own.",),
        done="The times of {row} are set.",
        icon="schedule",
    ),
)
act_on(
    ServerType,
    Act(
        name="erase_policy",
        title="Set erasure",
        permission="fleet.change_servertype",
        perform=lambda actor, row, values: services.set_erase_policy(
            actor=actor, server_type=row, methods=values["methods"].split(), verify=values["verify"]
        ),
        form=ErasureForm,
        initial=lambda row: {"methods": "\n".join(row.erase_methods), "verify": row.erase_verify},
        effects=(
            "Erasures from now on are done and judged by this, those under way too.",
            "A drive that supports none of the accepted ways puts its server into quarantine.",
        ),
        done="The erasure of {row} is set.",
        icon="cleaning_services",
        is_grave=True,
    ),
)

act_on(
    ServerType,
    Act(
        name="acceptance",
        title="Set acceptance",
        permission="fleet.change_servertype",
        perform=lambda actor, row, values: services.set_acceptance(
            actor=actor, server_type=row, **{name: values[name] for name in services.ACCEPTANCE_FIELDS}
        ),
        form=AcceptanceForm,
        initial=lambda row: {name: getattr(row, name) for name in services.ACCEPTANCE_FIELDS},
        effects=(
            "Servers that are handed over from now on are checked by this. What is 0 or empty is not checked.",
            "A test double never proves a server of a type that is not marked as emulated or virtual.",
        ),
        done="The acceptance of {row} is set.",
        icon="fact_check",
        is_grave=True,
    ),
)

SERVERS = (
    columns.me("Name"),
    columns.state,
    columns.link("server_type", "Type"),
    columns.link("rack", "Rack"),
    columns.moment("state_changed_at", "Since"),
)
for kind in (Region, Fabric, Rack, ServerType):
    show_on(
        kind,
        Panel(
            "Servers",
            Server,
            lambda row: row.servers.select_related("server_type", "rack").order_by("name"),
            SERVERS,
            all_of=f"{'server_type' if kind is ServerType else kind._meta.model_name}__id__exact",
        ),
    )
