"""What of ours is on a delivered machine until it is handed over: one script, and the line by which it is asked."""

from datetime import datetime
from pathlib import Path

AGENT_PATH = "/usr/local/lib/metalyard/agent"
"""Where the script installs itself at the first boot; sshd runs nothing else for the one-time key."""


def agent_script(user: str) -> str:
    """Return the script, for the seed of a first boot, after which it answers in the account of ``user``."""
    text = (Path(__file__).parent / "agent.py").read_text(encoding="utf-8")
    return text.replace('OWNER = ""', f"OWNER = {user!r}", 1)


def key_line(public: str, until: datetime) -> str:
    """Return the authorized_keys line (sshd(8)) of the one-time key: nothing but the script, and only until then."""
    return f'restrict,command="{AGENT_PATH}",expiry-time="{until:%Y%m%d%H%M%S}Z" {public} metalyard-verify'
