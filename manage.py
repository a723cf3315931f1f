#!/usr/bin/env python3
"""Run a Metalyard administration command."""

import os
import sys

try:
    from django.core.management import execute_from_command_line
except ModuleNotFoundError as missing:
    sys.stderr.write(f"{missing.name} is not installed here: use '.tools/bin/uv run manage.py ...' (see README.md).\n")
    raise SystemExit(2) from None

if __name__ == "__main__":
    # These run before there is a database or a key, so they have settings of their own; their children get base.
    if sys.argv[1:2] in (["quickstart"], ["bench"]):
        os.environ["DJANGO_SETTINGS_MODULE"] = "portal.launcher.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")
    execute_from_command_line(sys.argv)
