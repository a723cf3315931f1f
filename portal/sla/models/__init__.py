"""Rows of promises measured: evidence, what it came to, what is credited, incidents and maintenance."""

from portal.sla.models.budget import ErrorBudget
from portal.sla.models.credit import SlaCredit
from portal.sla.models.evidence import Evidence
from portal.sla.models.incident import Incident, IncidentServer, IncidentUpdate
from portal.sla.models.maintenance import MaintenanceServer, MaintenanceWindow
from portal.sla.models.measured import Outage, ServerMonth

__all__ = [
    "ErrorBudget",
    "Evidence",
    "Incident",
    "IncidentServer",
    "IncidentUpdate",
    "MaintenanceServer",
    "MaintenanceWindow",
    "Outage",
    "ServerMonth",
    "SlaCredit",
]
