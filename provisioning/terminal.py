"""The terminal that ansible-runner runs Ansible in, closed without a sleep.

ptyprocess sleeps for 0.1 s in each close, so that the kernel may notice the end of what ran in it. ansible-runner
closes only after it has seen that end, and a hand-over is eight runs.
"""

import pexpect


class Terminal(pexpect.spawn):  # type: ignore[misc]
    """A pexpect.spawn whose close does not wait for an end that was seen before."""

    def close(self, force: bool = True) -> None:  # noqa: FBT001, FBT002 - as pexpect has it
        """Close it; end what still runs in it, as pexpect does."""
        if not self.isalive():
            self.ptyproc.delayafterclose = 0
        super().close(force)


def use() -> None:
    """Have ansible-runner start Ansible in this terminal: it takes pexpect's and offers no way to name another."""
    pexpect.spawn = Terminal
