"""A worker that is killed once a BMC has its new password, before that is kept: ``python -m ... OPERATION``."""

import os
import signal
import sys

import django


def die(**_kwargs):
    """Be killed where the password would be kept."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    django.setup()

    from portal.fleet import controllers
    from provisioning.drive import drive

    controllers.keep_password = die
    drive(int(sys.argv[1]), "dying")
