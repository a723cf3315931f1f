"""How states look and read on pages: one table, so that the same state has the same colour and word everywhere."""

TONES: dict[str, str] = {
    # reservations
    "held": "warn",
    "scheduled": "busy",
    "provisioning": "busy",
    "active": "ok",
    "ending": "warn",
    "ended": "",
    "cancelled": "",
    "expired": "",
    "failed": "bad",
    # servers and allocations
    "enrolled": "",
    "inspecting": "busy",
    "inspect_failed": "bad",
    "retired": "",
    "available": "ok",
    "booked": "busy",
    "deploying": "busy",
    "reinstalling": "busy",
    "rescue": "warn",
    "in_use": "ok",
    "serving": "ok",
    "releasing": "warn",
    "cleaning": "warn",
    "released": "",
    "deploy_failed": "bad",
    "release_failed": "bad",
    "quarantined": "bad",
    "maintenance": "warn",
    # operations
    "queued": "",
    "claimed": "busy",
    "running": "busy",
    "succeeded": "ok",
    "timed_out": "bad",
    # own images
    "fetching": "busy",
    "imported": "ok",
    # price books
    "draft": "busy",
    "published": "ok",
    "discarded": "",
    # requests for quota, and what takes two people
    "pending": "busy",
    "approved": "ok",
    "declined": "bad",
    "rejected": "bad",
    "withdrawn": "",
    # contracts
    "quoted": "busy",
    "sent": "busy",
    "countersigned": "warn",
    "terminated": "",
    "lost": "",
    # quotes and the waiting list
    "open": "busy",
    "accepted": "ok",
    "waiting": "busy",
    "offered": "warn",
    "lapsed": "",
    # invoices
    "issued": "busy",
    "paid": "ok",
    "void": "",
    # promises: credits, incidents, maintenance
    "due": "busy",
    "invoiced": "ok",
    "investigating": "bad",
    "identified": "bad",
    "monitoring": "warn",
    "resolved": "ok",
    "announced": "busy",
    "done": "",
    # webhooks and what is posted to them
    "enabled": "ok",
    "disabled": "warn",
    "delivered": "ok",
    # a server's part in an operation
    "ready": "",
    "working": "busy",
    "awaiting": "busy",
}

WORDS: dict[str, str] = {
    "booked": "Preparing",
    "serving": "Ready",
    "cleaning": "Erasing",
    "in_use": "In use",
    "deploying": "Imaging",
    "releasing": "Erasing",
}


def tone_of(state: str) -> str:
    """Return the CSS class for a state: ok, busy, warn, bad, or none."""
    return TONES.get(str(state), "")


def words_of(state: str) -> str:
    """Return what people read for a state; an unknown name is written out."""
    name = str(state)
    return WORDS.get(name, name.replace("_", " ").capitalize())
