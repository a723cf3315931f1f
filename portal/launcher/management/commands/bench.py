"""``manage.py bench booking``: how fast the booking engine is, against what is promised."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.launcher.bench import report
from portal.launcher.bench.cluster import Cluster
from portal.launcher.bench.rounds import Effort
from portal.launcher.bench.run import Plan, Run
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
    """Start a PostgreSQL, fill it with fleets, measure in rounds, print the table."""

    help = "Measure the booking engine on generated fleets; exit code 1 where a bound is missed."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("what", choices=["booking"])
        parser.add_argument("--fleets", type=sizes, metavar="SIZES", help="such as 1k,10k,100k, which is the default")
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
        effort = Effort(40, 10, 1) if options["tiny"] else Effort(100, 20, 3) if options["quick"] else Effort()
        plan = Plan(options["fleets"] or (QUICK if options["quick"] else FULL), options["rounds"], effort)
        folder = options["folder"] or Path(tempfile.mkdtemp(prefix="metalyard-bench-", dir="/var/tmp"))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            all_met = self._measure(folder, plan, options)
        except LaunchProblem as problem:
            self.stderr.write(str(problem))
            sys.exit(EXIT_PROBLEM)
        finally:
            if options["folder"] is None:
                shutil.rmtree(folder, ignore_errors=True)
        if not all_met:
            sys.exit(EXIT_MISSED)

    def _measure(self, folder: Path, plan: Plan, options: dict[str, Any]) -> bool:
        cluster = Cluster(folder, options["shared_buffers"])
        cluster.start()
        try:
            run = Run(cluster, plan, self._say)
            results = run.go()
        finally:
            cluster.stop()
        self._say("\n" + report.table(results))
        self._say(report.times(results))
        self._keep(run, cluster.major, options)
        return all(line.is_met for line in results.lines())

    def _keep(self, run: Run, major: int, options: dict[str, Any]) -> None:
        """Write the files that were asked for."""
        results, plan = run.results, run.plan
        if options["json"]:
            written = report.document(results, sizes=plan.sizes, rounds=plan.rounds, major=major)
            options["json"].write_text(written, encoding="utf-8")
        if options["plot"]:
            names = [fleet.name for fleet in run.fleets]
            options["plot"].write_text(report.picture(results, plan.sizes, names), encoding="utf-8")
        if options["page"]:
            minutes = (time.monotonic() - run.began) / 60
            figures = report.section(results, sizes=plan.sizes, rounds=plan.rounds, major=major, minutes=minutes)
            page = options["page"].read_text(encoding="utf-8")
            options["page"].write_text(report.into_page(page, figures), encoding="utf-8")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
