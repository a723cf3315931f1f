"""The demo's customers and staff. SSH keys are left to the person who tries it."""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.core.actors import SYSTEM
from portal.fleet.models import Region, ServerType
from portal.launcher import secret_file
from portal.quotas.services.limits import set_quota
from portal.tenancy import tokens
from portal.tenancy.models import APIToken, Organization, Project, User
from portal.tenancy.roles import Role
from portal.tenancy.services import add_member, create_organization, create_project, issue_token
from portal.tenancy.staff import StaffRole, set_staff_role

CUSTOMER = "mira@lumen-robotics.example"
NEIGHBOUR = "jonas@halden-bio.example"
SALES = "sales@metalyard.example"
OPERATIONS = "operations@metalyard.example"
ADMIN = "admin@metalyard.example"
STAFF = {
    StaffRole.SALES: SALES,
    StaffRole.SALES_LEAD: "lead@metalyard.example",
    StaffRole.FINANCE: "finance@metalyard.example",
    StaffRole.OPERATIONS: OPERATIONS,
    StaffRole.SUPPORT: "support@metalyard.example",
}
"""One account for each role of the staff."""
TOKEN_NAME = "Quickstart"  # noqa: S105


@dataclass(frozen=True)
class Customer:
    """A tenant: its projects, its people with their roles, and how many servers of a type it may hold per region."""

    name: str
    currency: str
    projects: tuple[str, ...]
    members: tuple[tuple[str, str, Role], ...]
    limits: dict[str, int]


CUSTOMERS = (
    Customer(
        "Lumen Robotics",
        "USD",
        ("Foundation model", "Evaluation"),
        (
            (CUSTOMER, "Mira Lindqvist", Role.OWNER),
            ("tomas@lumen-robotics.example", "Tomas Berg", Role.ADMIN),
            ("aiko@lumen-robotics.example", "Aiko Tanabe", Role.OPERATOR),
            ("finance@lumen-robotics.example", "Finance", Role.BILLING),
        ),
        {"h100-8x": 64, "h200-8x": 48, "b200-8x": 8, "mi300x-8x": 24, "a100-8x": 32, "l40s-8x": 16, "vm-1x": 4},
    ),
    Customer(
        "Halden Bio",
        "EUR",
        ("Protein folding",),
        (
            (NEIGHBOUR, "Jonas Halden", Role.OWNER),
            ("rita@halden-bio.example", "Rita Moreau", Role.OPERATOR),
            ("guest@halden-bio.example", "Guest auditor", Role.VIEWER),
        ),
        {"h100-8x": 16, "h200-8x": 8, "a100-8x": 16, "l40s-8x": 8, "vm-1x": 4},
    ),
)


def seed_people(passwords: Mapping[str, str]) -> None:
    """Create staff and customers. Of the customers' people only two get a password, the rest cannot log in.

    ``passwords`` holds the variables named in ``portal.launcher.secret_file``.
    """
    User.objects.create_superuser(ADMIN, passwords[secret_file.ADMIN_PASSWORD], name="Administrator")
    ensure_staff(passwords)
    known = {
        CUSTOMER: passwords[secret_file.CUSTOMER_PASSWORD],
        NEIGHBOUR: passwords[secret_file.NEIGHBOUR_PASSWORD],
    }
    for customer in CUSTOMERS:
        _seed_customer(customer, known)


def ensure_staff(passwords: Mapping[str, str]) -> None:
    """Create an account for each role of the staff that has none yet."""
    for role, email in STAFF.items():
        if not User.objects.filter(email=email).exists():
            password = passwords[secret_file.STAFF_PASSWORDS[role.name.lower()]]
            user = User.objects.create_user(email, password, name=role.value)
            set_staff_role(actor=SYSTEM, user=user, role=role)


def _seed_customer(customer: Customer, passwords: Mapping[str, str]) -> None:
    organization = create_organization(actor=SYSTEM, name=customer.name, currency=customer.currency)
    for project in customer.projects:
        create_project(actor=SYSTEM, organization=organization, name=project)
    for email, name, role in customer.members:
        user = User.objects.create_user(email, passwords.get(email), name=name)
        add_member(actor=SYSTEM, organization=organization, user=user, role=role)
    for server_type in ServerType.objects.order_by("pk"):
        for region in Region.objects.order_by("pk"):
            limit = customer.limits.get(server_type.slug, 0)
            set_quota(actor=SYSTEM, organization=organization, server_type=server_type, region=region, limit=limit)


def ensure_token(known: str) -> str:
    """Return an API token of the first customer's first project: ``known`` while it works, else a new one."""
    if known and APIToken.objects.filter(secret_sha256=tokens.digest(known), revoked_at=None).exists():
        return known
    project = Project.objects.get(organization=_first_customer(), name=CUSTOMERS[0].projects[0])
    owner = User.objects.get(email=CUSTOMER)
    _token, secret = issue_token(actor=SYSTEM, project=project, name=TOKEN_NAME, role=Role.OPERATOR, created_by=owner)
    return secret


def _first_customer() -> Organization:
    return Organization.objects.get(name=CUSTOMERS[0].name)
