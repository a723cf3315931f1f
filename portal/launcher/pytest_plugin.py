"""Gives the tests a PostgreSQL: started before Django reads its settings, shared by xdist's workers, gone afterwards.

Activated by ``-p portal.launcher.pytest_plugin``. A ``DATABASE_URL`` in the environment is used as it is.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from portal.launcher.identity import service_account
from portal.launcher.postgres import FOR_TESTS, Postgres
from portal.launcher.problems import LaunchProblem

CLUSTER_OF_THIS_RUN = "METALYARD_TEST_CLUSTER"
"""Variable that is set where the server was started for the tests, and ends with them."""


def _start() -> tuple[Postgres, Path]:
    folder = Path(tempfile.mkdtemp(prefix="metalyard-test-"))
    if service_account() is not None:
        folder.chmod(0o711)
    server = Postgres(folder, folder / "postgres.log", options=FOR_TESTS)
    try:
        server.start()
    except BaseException:
        shutil.rmtree(folder)
        raise
    return server, folder


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the database unless there is one; xdist's workers inherit the controller's ``DATABASE_URL``."""
    options = early_config.known_args_namespace
    if os.environ.get("DATABASE_URL") or options.version or options.help:
        return
    try:
        server, folder = _start()
    except LaunchProblem as problem:
        raise pytest.UsageError(str(problem)) from problem
    os.environ.update({"DATABASE_URL": server.url(), CLUSTER_OF_THIS_RUN: "1"})

    def stop() -> None:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("DATABASE_URL", CLUSTER_OF_THIS_RUN):
            os.environ.pop(name, None)
        atexit.unregister(stop)

    early_config.add_cleanup(stop)
    # A run that ends before it is configured (a broken conftest) has no cleanup.
    atexit.register(stop)
