"""A launcher in small, started and killed by test_supervisor: a guard and one service with a runaway grandchild."""

import os
import sys
import time
from pathlib import Path

from portal.launcher import children, guard
from portal.launcher.supervisor import Service, Supervisor

folder, mark, stubborn = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "stubborn"
IGNORE = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
GRANDCHILD = "import time; time.sleep(600)"
# The grandchild leaves the session of its parent, as the workers of Ansible do.
CHILD = f"{IGNORE}import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', '{GRANDCHILD}'], "
CHILD += "start_new_session=True); print('serving', flush=True); time.sleep(600)"

lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
children.start_guard(mark, lock)
supervisor = Supervisor(folder, folder, print)
env = {**os.environ, guard.MARK: mark}
supervisor.start(
    Service("one", (sys.executable, "-c", CHILD), env, ready=lambda log, _start: b"serving" in log.read_bytes())
)
supervisor.wait_ready("one")
(folder / "up").touch()
time.sleep(600)
