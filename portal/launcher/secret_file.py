"""The secrets of one state folder, made at random on the first start and kept in a file only its owner can read."""

import base64
import contextlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from portal.core.passwords import random_password
from portal.launcher.problems import LaunchProblem

CUSTOMER_PASSWORD = "METALYARD_DEMO_CUSTOMER_PASSWORD"  # noqa: S105  (names of variables)
SALES_PASSWORD = "METALYARD_DEMO_SALES_PASSWORD"  # noqa: S105
OPERATIONS_PASSWORD = "METALYARD_DEMO_OPERATIONS_PASSWORD"  # noqa: S105
SALES_LEAD_PASSWORD = "METALYARD_DEMO_SALES_LEAD_PASSWORD"  # noqa: S105
FINANCE_PASSWORD = "METALYARD_DEMO_FINANCE_PASSWORD"  # noqa: S105
SUPPORT_PASSWORD = "METALYARD_DEMO_SUPPORT_PASSWORD"  # noqa: S105
ADMIN_PASSWORD = "METALYARD_DEMO_ADMIN_PASSWORD"  # noqa: S105
NEIGHBOUR_PASSWORD = "METALYARD_DEMO_NEIGHBOUR_PASSWORD"  # noqa: S105
STAFF_PASSWORDS = {
    "sales": SALES_PASSWORD,
    "sales_lead": SALES_LEAD_PASSWORD,
    "finance": FINANCE_PASSWORD,
    "operations": OPERATIONS_PASSWORD,
    "support": SUPPORT_PASSWORD,
}
"""One account for each role of the staff."""
PASSWORDS = (CUSTOMER_PASSWORD, *STAFF_PASSWORDS.values(), ADMIN_PASSWORD, NEIGHBOUR_PASSWORD)
LATER = (SALES_LEAD_PASSWORD, FINANCE_PASSWORD, SUPPORT_PASSWORD)
"""Passwords that the file of an older demo lacks; their accounts are made when it is started again."""
FLEET_NETWORK = "METALYARD_DEMO_FLEET_NETWORK"


def load_or_make(path: Path, *, fleet_network: str) -> dict[str, str]:
    """Return the variables in ``path``; make them first where the file is missing.

    ``fleet_network`` is kept beside the secrets, because the addresses in the database depend on it.
    """
    if not path.exists():
        _write(path, _fresh(fleet_network))
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise LaunchProblem(f"Cannot read {path}: {error.strerror}.") from error
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    added = {name: random_password() for name in LATER if values and name not in values}
    if added:
        values |= added
        _write(path, values)
    missing = sorted(_fresh(fleet_network).keys() - values.keys())
    if missing:
        raise LaunchProblem(f"{path} lacks {', '.join(missing)}: put it back, or start anew with --reset.")
    return values


def _fresh(fleet_network: str) -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "METALYARD_SECRETS_KEYS": Fernet.generate_key().decode(),
        "METALYARD_CERTIFICATE_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        **{name: random_password() for name in PASSWORDS},
        FLEET_NETWORK: fleet_network,
    }


def _write(path: Path, values: dict[str, str]) -> None:
    write_private(path, "".join(f"{name}={value}\n" for name, value in values.items()))


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` with mode 0600, all or nothing."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        raise LaunchProblem(f"Cannot write {path}: {error.strerror}.") from error
