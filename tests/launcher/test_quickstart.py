"""Signals that stop the launcher, also where whoever started it had them ignored."""

import signal
import subprocess
import sys

import pytest

from portal.launcher.quickstart import STOP_SIGNALS

CODE = """
import signal, sys
from portal.launcher.quickstart import StopRequested, stop_signals_raise
try:
    with stop_signals_raise():
        print("up", flush=True)
        sys.stdin.read()
    print("went on", flush=True)
except StopRequested:
    print("stopped", flush=True)
"""


@pytest.mark.parametrize(
    ("ignored", "sent", "said"),
    [
        (None, signal.SIGINT, "stopped"),
        (None, signal.SIGTERM, "stopped"),
        (None, signal.SIGHUP, "stopped"),
        (signal.SIGINT, signal.SIGINT, "stopped"),
        (signal.SIGHUP, signal.SIGHUP, "went on"),
    ],
    ids=["ctrl-c", "terminate", "hang-up", "kill -INT of a script's background job", "nohup"],
)
def test_a_signal_stops_the_launcher_unless_it_was_started_to_outlive_its_terminal(ignored, sent, said):
    def as_started_by_somebody():
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN if number == ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=as_started_by_somebody,
    )

    assert process.stdout.readline() == "up\n"
    process.send_signal(sent)
    # Its input ends only after the signal was sent: what goes on has had it, however slow the machine is.
    out, _ = process.communicate(timeout=60)

    assert out == f"{said}\n"
