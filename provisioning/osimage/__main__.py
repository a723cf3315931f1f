"""Build the OS image: ``python -m provisioning.osimage --out DIR``."""

import sys

from provisioning.artefacts.terminal import main
from provisioning.osimage.build import BUILDER

if __name__ == "__main__":
    sys.exit(main(BUILDER, sys.argv[1:]))
