"""``manage.py bench``: how fast booking and billing are, and how dear handing over, against what is promised."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.launcher.bench import report
from portal.launcher.bench.billing import Closing, sizes_of
from portal.launcher.bench.bounds import Results
from portal.launcher.bench.cluster import Cluster
from portal.launcher.bench.handing_over import COUNTS, HandingOver, servers_for
from portal.launcher.bench.rounds import Effort
from portal.launcher.bench.run import Plan, Run
from portal.launcher.bench.yard import Yard
from portal.launcher.problems import LaunchProblem

EXIT_MISSED, EXIT_PROBLEM = 1, 2
FULL, QUICK = [1_000, 10_000, 100_000], [1_000, 10_000]


def sizes(text: str) -> list[int]:
    """Read sizes such as ``1k,10k`` from the command line, the smallest first."""
    found = []
    for part in text.split(","):
        number = part.removesuffix("k")
        if not number.isdecimal() or int(number) == 0:
            raise argparse.ArgumentTypeError(f"'{part}' is not a size of a fleet: give numbers such as 1k,10k")
        found.append(int(number) * (1000 if part.endswith("k") else 1))
    return sorted(set(found))


class Command(BaseCommand):
    """Start what is measured in a folder of its own, measure in rounds, print the table."""

    help = "Measure booking, handing servers over or closing a month; exit code 1 where a bound is missed."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("what", choices=["booking", "provisioning", "billing"])
        parser.add_argument("--fleets", type=sizes, metavar="SIZES", help="such as 1k,10k,100k, which is the default")
        parser.add_argument(
            "--servers", type=sizes, metavar="COUNTS", help="how many are handed over (1,8,64,256), or billed (10k)"
        )
        parser.add_argument("--port", type=int, default=18765, help="port of the portal that hands over")
        parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the worst counts (default: 3)")
        parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every figure")
        parser.add_argument("--plot", type=Path, metavar="FILE", help="where to write the picture of growth, an SVG")
        parser.add_argument("--page", type=Path, metavar="FILE", help="page whose figures are written anew")
        parser.add_argument("--quick", action="store_true", help="1k and 10k servers and less of everything")
        parser.add_argument("--tiny", action="store_true", help="as little as can be: to see that it works")
        parser.add_argument("--folder", type=Path, help="keep the filled database here, for another run")
        parser.add_argument("--shared-buffers", default="4GB", help="PostgreSQL's memory (default: 4GB)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run, report, and exit with what came of it."""
        folder = options["folder"] or Path(tempfile.mkdtemp(prefix="metalyard-bench-", dir="/var/tmp"))
        folder.mkdir(parents=True, exist_ok=True)
        measure = {
            "booking": self._measure_booking,
            "provisioning": self._measure_provisioning,
            "billing": self._measure_billing,
        }[options["what"]]
        try:
            all_met = measure(folder, options)
        except LaunchProblem as problem:
            self.stderr.write(str(problem))
            sys.exit(EXIT_PROBLEM)
        finally:
            if options["folder"] is None:
                shutil.rmtree(folder, ignore_errors=True)
        if not all_met:
            sys.exit(EXIT_MISSED)

    def _measure_booking(self, folder: Path, options: dict[str, Any]) -> bool:
        effort = Effort(40, 10, 1) if options["tiny"] else Effort(100, 20, 3) if options["quick"] else Effort()
        plan = Plan(options["fleets"] or (QUICK if options["quick"] else FULL), options["rounds"], effort)
        cluster = Cluster(folder, options["shared_buffers"])
        cluster.start()
        try:
            run = Run(cluster, plan, self._say)
            results = run.go()
        finally:
            cluster.stop()
        if options["plot"]:
            names = [fleet.name for fleet in run.fleets]
            options["plot"].write_text(report.picture(results, plan.sizes, names), encoding="utf-8")
        told = f"Fleets of {report.listed(plan.sizes)} servers, PostgreSQL {cluster.major}"
        return self._tell(results, told, run.began, options)

    def _measure_provisioning(self, folder: Path, options: dict[str, Any]) -> bool:
        counts = options["servers"] or [*COUNTS]
        began = time.monotonic()
        yard = Yard(folder / "yard", options["port"], servers_for(counts), self._say)
        try:
            yard.start()
            results = HandingOver(yard, counts, options["rounds"], self._say).go()
        finally:
            yard.stop()
        return self._tell(results, f"{report.listed(counts)} servers handed over at once", began, options)

    def _measure_billing(self, folder: Path, options: dict[str, Any]) -> bool:
        began, cluster = time.monotonic(), Cluster(folder, options["shared_buffers"])
        cluster.start()
        try:
            closing = Closing(cluster, sizes_of(options["servers"]), options["rounds"], self._say)
            results = closing.go()
        finally:
            cluster.stop()
        told = f"Months of {report.listed(closing.sizes)} servers, PostgreSQL {cluster.major}"
        return self._tell(results, told, began, options)

    def _tell(self, results: Results, told: str, began: float, options: dict[str, Any]) -> bool:
        """Print what was measured and write the files that were asked for; tell whether every bound was met."""
        self._say("\n" + report.table(results))
        self._say(report.times(results))
        rounds = f"{told}, {options['rounds']} rounds"
        if options["json"]:
            options["json"].write_text(report.document(results, rounds), encoding="utf-8")
        if options["page"]:
            figures = report.section(results, rounds, minutes=(time.monotonic() - began) / 60)
            page = options["page"].read_text(encoding="utf-8")
            options["page"].write_text(report.into_page(page, figures, options["what"]), encoding="utf-8")
        return all(line.is_met for line in results.lines())

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
