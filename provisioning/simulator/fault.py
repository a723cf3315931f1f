"""Make something wrong with a machine: ``python -m provisioning.simulator.fault --dir DIR NAME FAULT|clear``."""

import argparse
import sys
from pathlib import Path

from provisioning.simulator.faults import Fault, Faults


def main(argv: list[str]) -> int:
    """Plant or clear a fault; 2 when there is no such machine."""
    parser = argparse.ArgumentParser(prog="python -m provisioning.simulator.fault", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("name")
    parser.add_argument("fault", choices=[*Fault, "clear"])
    options = parser.parse_args(argv)
    if options.fault != "clear" and not (options.dir / "disks" / f"{options.name}.img").is_file():
        sys.stderr.write(f"there is no machine {options.name} in {options.dir}: name one whose disk is in its disks/\n")
        return 2
    faults = Faults(options.dir / "faults")
    if options.fault == "clear":
        faults.clear(options.name)
    else:
        faults.plant(options.name, Fault(options.fault))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
