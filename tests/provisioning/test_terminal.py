"""The terminal of a run: closed at once when what ran in it has ended, and not before."""

import ansible_runner.runner
import pexpect

from provisioning.terminal import Terminal, use


def ran(*argv: str) -> Terminal:
    """Return the terminal of a program."""
    return Terminal(argv[0], list(argv[1:]))


def test_ansible_runner_starts_programs_in_it() -> None:
    use()
    assert ansible_runner.runner.pexpect.spawn is Terminal


def test_what_has_ended_is_closed_without_a_sleep() -> None:
    terminal = ran("/bin/sh", "-c", "exit 3")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    terminal.close()
    assert terminal.ptyproc.delayafterclose == 0
    assert (terminal.exitstatus, terminal.closed) == (3, True)


def test_what_still_runs_gets_its_time_and_is_ended() -> None:
    terminal = ran("/bin/sleep", "600")
    patience = terminal.ptyproc.delayafterclose
    terminal.close()
    assert terminal.ptyproc.delayafterclose == patience > 0
    assert not terminal.isalive()
