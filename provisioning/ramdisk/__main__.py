"""Build the deploy ramdisk: ``python -m provisioning.ramdisk --out DIR``."""

import sys

from provisioning.artefacts.terminal import main
from provisioning.ramdisk.build import BUILDER

if __name__ == "__main__":
    sys.exit(main(BUILDER, sys.argv[1:]))
