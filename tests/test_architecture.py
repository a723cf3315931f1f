"""The house rules that no linter knows: where things stand, what they are called, how large they may grow."""

import ast
import fnmatch
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from statistics import median

import pytest
from django.apps import apps

REPOSITORY = Path(__file__).resolve().parent.parent
MOST_LINES = 400
MEDIAN_LINES = 90
ROOMS = (
    "core",
    "audit",
    "tenancy",
    "approvals",
    "webhooks",
    "fleet",
    "catalog",
    "quotas",
    "operations",
    "reservations",
    "contracts",
    "sla",
    "billing",
)
WITHOUT_TABLES = ("core", "web", "launcher", "provisioning")
"""Apps whose deletion loses no row."""

NAMES = {
    "__init__",
    "admin",
    "apps",
    "management",
    "migrations",
    "models",
    "permissions",
    "selectors",
    "services",
    "states",
    "static",
    "tasks",
}
"""What every room may have; who knows one room knows all."""

OWN = {
    "audit": {
        "staff": "what the admin pages of all rooms share",
        "transitions": "the only way a state changes",
    },
    "tenancy": {
        "roles": "the table from role to verbs",
        "scope": "on whose behalf something is asked",
        "ssh_keys": "reading what people paste",
        "staff": "the table of the provider's own people",
        "tokens": "the form of API tokens",
    },
    "approvals": {
        "kinds": "the registry of what takes two people",
        "mails": "telling who may decide, and who asked",
    },
    "webhooks": {
        "addresses": "which addresses may be posted to, as far as their text tells: pure",
        "event_types": "the table of what tenants can be told",
        "signing": "secrets and signatures after Standard Webhooks: pure",
        "tries": "the table of when a message is sent again: pure",
    },
    "fleet": {
        "certificate_pdf": "a certificate on paper: pure",
        "certificates": "signed certificates of erasure",
        "controllers": "the BMCs' passwords, and what they should be like",
        "enrolling": "entering new servers",
        "erase_policy": "how a drive must be erased: pure",
        "inspections": "what servers are made of, and what was found",
        "erasures": "evidence of erasure, kept and judged",
        "networks": "which networks a fabric has, and which numbers they get",
        "moving": "which network each server's switch port is in",
        "ports": "which switch port each server hangs on",
        "spares": "the table of spares: pure",
        "verify": "form, signature and chain of certificates: pure, and a command",
    },
    "catalog": {
        "import_failures": "the table of reasons why an image was not imported, in plain words",
        "price_list": "what everybody may know of the prices",
        "rates": "what contracts are priced by",
        "signatures": "who signed an image: pure",
        "terms": "what calling off costs: pure",
    },
    "quotas": {
        "intents": "what takes two people here, and how it is carried out",
    },
    "operations": {
        "event_types": "the table of what is told to customers",
        "failures": "the table of reasons in plain words",
        "on_machine": "the script that a delivered machine answers the portal with",
        "seed": "what a first boot is given: pure",
        "stages": "the table of stages that people see",
    },
    "contracts": {
        "arithmetic": "what a contract comes to: pure",
        "changes": "what a later version changes: pure",
        "checks": "what is wrong with lines, without the calendar",
        "continuing": "what of a later version goes on from the one before",
        "contract_pdf": "a contract on paper: pure",
        "heads": "what is wrong with the head of a contract",
        "intents": "what approvals of contracts do",
        "lights": "whether there is room for lines, without holding any",
        "needs": "what rows come to, and who must agree",
        "paperwork": "what stands in the document, read from rows",
        "prices": "a line's price as a reservation keeps it: pure",
        "ramps": "how servers grow and shrink as lines: pure",
        "rules": "the table of who must agree: pure",
        "templates": "the table of forms of contract: pure",
        "wishes": "what sales writes, before it is checked",
    },
    "reservations": {
        "approval": "what one person may commit to",
        "board": "what the pools are used for, week by week",
        "budget_check": "budgets held against what is booked",
        "calendar": "the questions that the database answers",
        "capacity": "what is free when",
        "charges": "what a price is made of, and what calling off costs",
        "checks": "capacity, quota and approval, told apart",
        "console": "what servers wrote on their consoles",
        "enquiries": "the log of what was asked for",
        "handover": "the kit of a handed-over cluster, file by file: pure but for reading",
        "heatmap": "what is free, slot by slot",
        "leavings": "what clears away what folding leaves: pure",
        "offers": "what fits, and what is near it",
        "quota_check": "limits held against the calendar",
        "rearranging": "how to empty servers: pure",
        "request": "what is asked for, and its checks",
        "room": "what stands in the way, and where it could stand",
        "sought": "the pools that a question is about: pure",
    },
    "billing": {
        "commitments": "what is missing to what a contract makes owed at least: pure",
        "einvoice": "invoices by EN 16931: pure but for what is paid ahead",
        "histories": "what was agreed and used of reservations, as rating needs it",
        "intents": "what takes two people here, and how it is carried out",
        "note_pdf": "a credit note on paper: pure",
        "invoice_pdf": "an invoice on paper: pure",
        "metering": "how long servers were held and on: pure",
        "provider": "the payment provider behind one door",
        "rating": "what was used at the agreed prices: pure",
        "reminders": "the table of reminders of what is overdue: pure",
        "tables": "invoices and usage as CSV: pure",
        "taxing": "what comes to a line's sum: pure",
    },
    "sla": {
        "burning": "how fast error budgets are used up: pure",
        "concerned": "whom something about servers concerns",
        "crediting": "from what was measured and late to what is credited: pure",
        "definitions": "the table of what counts as down, by version",
        "excluding": "what is not measured, and what proves it: pure",
        "gathering": "what server-months are measured from, read for many at a time",
        "lateness": "what came late or never, host name by host name",
        "measuring": "from samples to availability, second by second: pure",
        "reporting": "what tenants read of a month",
        "status": "what everybody may know: the status page",
        "pricing": "what one server costs for some time: pure",
        "spans": "spans of whole seconds: pure",
    },
}
"""What else a room has, and why it is none of the names above."""

DRAWERS = ("util", "utils", "common", "helper", "helpers", "extra", "extras", "misc", "shared", "lib")
PRESCRIBED = {
    ".ci",
    ".gitignore",
    "README.md",
    "deploy",
    "docs",
    "manage.py",
    "playbooks",
    "portal",
    "provisioning",
    "pyproject.toml",
    "templates",
    "tests",
    "uv.lock",
}
GPL = "# SPDX-License-Identifier: GPL-3.0-or-later"


def sources(*folders, endings=(".py",)):
    """Return our own files below the folders: neither generated nor brought in from elsewhere."""
    found = [path for folder in folders for path in (REPOSITORY / folder).rglob("*") if path.suffix in endings]
    return sorted(path for path in found if not {"migrations", "vendor", "__pycache__"} & set(path.parts))


@cache
def lines_of(path):
    return len(path.read_text(encoding="utf-8").splitlines())


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def called(path):
    return str(path.relative_to(REPOSITORY))


def readme():
    return (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_no_file_is_longer_than_one_can_read():
    files = sources(*PRESCRIBED, endings=(".py", ".css", ".js", ".html", ".yml", ".yaml"))

    assert len(files) > 300
    assert {called(path): lines_of(path) for path in files if lines_of(path) > MOST_LINES} == {}


def test_most_files_fit_two_screens():
    files = [path for path in sources("portal", "provisioning", "tests") if path.name != "__init__.py"]

    assert median(map(lines_of, files)) <= MEDIAN_LINES


def test_there_is_no_drawer_for_what_has_no_place():
    paths = sources("portal", "provisioning", "tests", "playbooks")
    names = {part for path in paths for part in path.relative_to(REPOSITORY).with_suffix("").parts}

    assert names & set(DRAWERS) == set()


def imports_of(path):
    """Return the dotted names that a file imports."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_happens_by_signal():
    files = sources("portal", "provisioning")
    by_signal = [
        (called(path), name)
        for path in files
        for name in imports_of(path)
        if "signals" in name.split(".") or name.startswith("django.dispatch")
    ]

    assert by_signal == []


def is_ansible(name):
    return name.split(".")[0] == "ansible"


def test_what_imports_ansible_says_that_it_is_gpl_and_nothing_else_does():
    files = sources("portal", "provisioning", "playbooks", "tests", "docs")
    bound = [called(path) for path in files if any(map(is_ansible, imports_of(path)))]
    marked = [called(path) for path in files if GPL in path.read_text(encoding="utf-8").splitlines()[:3]]

    assert bound == marked
    assert bound, "the action plugins import Ansible's own classes"
    assert (REPOSITORY / "LICENSES" / "GPL-3.0-or-later.txt").exists()


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "core"])
def test_every_room_has_the_same_file_names(room):
    folder = REPOSITORY / "portal" / room
    present = {path.stem for path in folder.iterdir() if path.name != "__pycache__"}

    assert present - NAMES == set(OWN.get(room, {})), f"name what is special about {room} in OWN, and why"
    assert present >= {"__init__", "admin", "apps", "migrations", "models", "selectors", "services"}


@pytest.mark.parametrize("label", WITHOUT_TABLES)
def test_the_faces_and_the_core_have_no_tables(label):
    assert list(apps.get_app_config(label).get_models()) == []


def test_provisioning_has_no_addresses():
    assert [path for path in sources("provisioning") if path.stem in ("urls", "views")] == []


def definitions(body, prefix=""):
    """Return the public classes and functions of a module and of its public classes, each with its name."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node.body, f"{node.name}.")


def public(*kinds):
    """Return what is public in portal and provisioning, but for Django's inner Meta classes."""
    for path in sources("portal", "provisioning"):
        for name, node in definitions(tree_of(path).body):
            if isinstance(node, kinds) and not name.endswith(".Meta"):
                yield f"{called(path)}: {name}", node


def test_everything_public_says_what_it_is():
    silent = [called(path) for path in sources("portal", "provisioning") if lines_of(path) and not docstring_of(path)]
    silent += [name for name, node in public(ast.AST) if not ast.get_docstring(node)]

    assert silent == []


def docstring_of(path):
    return ast.get_docstring(tree_of(path))


def untyped(function):
    """Return the parameters without an annotation, and ``return`` where the result has none."""
    given = function.args
    rest = [argument for argument in (given.vararg, given.kwarg) if argument]
    parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, *rest]
    missing = [item.arg for item in parameters if item.annotation is None and item.arg not in ("self", "cls")]
    return missing + ([] if function.returns else ["return"])


def test_every_public_function_is_typed():
    functions = public(ast.FunctionDef, ast.AsyncFunctionDef)

    assert {name: missing for name, node in functions if (missing := untyped(node))} == {}


def writes_a_state(node):
    """Tell whether a statement sets the state of a row (of another object, that is), or an update of rows does."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [ast.unparse(target) for target in targets if isinstance(target, ast.Attribute)]
        return any(name.endswith(".state") and name != "self.state" for name in names)
    is_update = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
    return is_update and any(keyword.arg == "state" for keyword in node.keywords)


def test_states_change_in_one_place_only():
    # The emulated fleet has no rows.
    files = [path for path in sources("portal", "provisioning") if "simulator" not in path.parts]
    writers = [called(path) for path in files if any(map(writes_a_state, ast.walk(tree_of(path))))]

    assert writers == []


def commands():
    """Return the shell blocks of the README that are one line."""
    return re.findall(r"^```sh\n([^\n]+)\n```$", readme(), re.MULTILINE)


def test_the_readme_has_the_two_commands_and_ci_runs_the_second():
    start = "python3 -m pip install --target .tools uv && .tools/bin/uv run manage.py quickstart"
    tests = ".tools/bin/uv run pytest"

    assert commands()[:2] == [start, tests]
    assert re.search(rf" {re.escape(tests)}$", (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def top_level():
    """Return the names at the top: what git tracks, or where it does not, what it would not ignore."""
    if (REPOSITORY / ".git").exists() and shutil.which("git"):
        # Whoever owns the folder, it is this one that is meant.
        command = ["git", "-c", "safe.directory=*", "ls-files"]
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        return {line.split("/")[0] for line in listed.stdout.splitlines()}
    ignored = [line.rstrip("/") for line in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()]
    names = {path.name for path in REPOSITORY.iterdir()} - {".git"}
    return {name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)}


def test_the_top_of_the_repository_is_as_prescribed():
    names = top_level()

    assert names >= PRESCRIBED
    unexplained = {name for name in names - PRESCRIBED if not re.search(rf"`{re.escape(name)}/?`", readme())}
    assert unexplained == set(), "give the reason in the README, or put it elsewhere"
