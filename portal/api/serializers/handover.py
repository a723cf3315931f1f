"""The hand-over kit of a reservation."""

from typing import Any

from rest_framework import serializers

from portal.api.queries import Query
from portal.api.serializers.choices import choices_of

LISTED, ZIPPED = "json", "zip"
VERDICTS = choices_of(("passed", "failed", "not_run"))
CLUSTER_VERDICTS = choices_of(("passed", "failed"))


class KitQuery(Query):
    """In which form the whole kit is wanted."""

    format = serializers.ChoiceField(
        choices=[LISTED, ZIPPED], default=LISTED, help_text="`zip`: all files as one archive; otherwise a list of them."
    )


class KitFileOut(serializers.Serializer[Any]):
    """One file of the kit."""

    name = serializers.CharField()
    about = serializers.CharField(help_text="What it is for.")
    media_type = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class CheckOut(serializers.Serializer[Any]):
    """One check of one server."""

    name = serializers.CharField()
    expected = serializers.CharField()
    found = serializers.CharField()
    result = serializers.ChoiceField(choices=["passed", "failed", "not_run", "test_double"])


class NodeReportOut(serializers.Serializer[Any]):
    """What was checked on one server."""

    server = serializers.CharField(help_text="`srv_...`")
    hostname = serializers.CharField()
    verdict = serializers.ChoiceField(choices=VERDICTS)
    test_doubles = serializers.ListField(child=serializers.CharField())
    checks = CheckOut(many=True)


class SizeOut(serializers.Serializer[Any]):
    """How fast one size was reduced."""

    size_bytes = serializers.IntegerField()
    busbw = serializers.FloatField(help_text="Bus bandwidth in GB/s; the worse of out of place and in place.")


class AllReduceOut(serializers.Serializer[Any]):
    """What `all_reduce_perf` of nccl-tests measured over all GPUs of the servers."""

    expected = serializers.CharField(help_text="The band of the server type.")
    found = serializers.CharField()
    result = serializers.ChoiceField(choices=["passed", "failed", "not_run", "test_double"])
    peak_busbw = serializers.FloatField(help_text="Highest bus bandwidth of any size in GB/s; 0: not measured.")
    sizes = SizeOut(many=True)


class ClusterReportOut(serializers.Serializer[Any]):
    """What was found between servers that were made one cluster at a time."""

    servers = serializers.ListField(child=serializers.CharField(), help_text="`srv_...`")
    hostnames = serializers.ListField(child=serializers.CharField())
    checked_at = serializers.DateTimeField()
    verdict = serializers.ChoiceField(choices=CLUSTER_VERDICTS)
    test_doubles = serializers.ListField(child=serializers.CharField())
    pairs = serializers.IntegerField(help_text="Logins from each server to each other one, which all went well.")
    all_reduce = AllReduceOut()


class ReportOut(serializers.Serializer[Any]):
    """What was checked before the hand-over: `report.json`."""

    schema = serializers.CharField(help_text="`metalyard.report/1`")
    reservation = serializers.CharField(help_text="`res_...`")
    verdict = serializers.ChoiceField(choices=VERDICTS)
    test_doubles = serializers.ListField(
        child=serializers.CharField(), help_text="Checks in which a test double stood in for hardware."
    )
    note = serializers.CharField(allow_blank=True)
    clusters = ClusterReportOut(
        many=True,
        help_text="One for each time that servers were made one cluster, without those that later ones replace.",
    )
    nodes = NodeReportOut(many=True)
