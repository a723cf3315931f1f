"""The real application in a process that can be told to die between its commit and its reply."""

import os
import signal

from portal.wsgi import application as portal

DIE = "HTTP_X_DIE_BEFORE_REPLY"


def application(environ, start_response):
    """Answer as the portal does; asked to die, do the work and be killed before anything of the reply is sent."""
    if DIE not in environ:
        return portal(environ, start_response)
    for _ in portal(environ, lambda *args: None):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit("killed already")
