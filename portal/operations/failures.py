"""Why a server's step failed: one table from stable code to words that a customer understands."""

FAILURES: dict[str, str] = {
    "acceptance_unreadable": "The server could not be checked: what it says of itself cannot be read.",
    "gpu_missing": "A GPU is missing, or is not of the model that was booked.",
    "gpu_unhealthy": "A GPU did not pass its health check.",
    "driver_wrong": "The GPU driver is not of the version that it should be.",
    "nvlink_down": "The GPUs are not linked with each other as they should be.",
    "link_down": "A port to the fabric is down or too slow.",
    "drive_missing": "A drive is missing.",
    "clock_wrong": "The server's clock is wrong.",
    "bmc_unreachable": "The server's management controller could not be reached.",
    "bmc_timeout": "The server's management controller did not answer in time.",
    "bmc_refused": "The server's management controller refused the command.",
    "bmc_auth_failed": "The server's management controller refused our login.",
    "bmc_wrong_identity": "The management controller belongs to another machine than recorded.",
    "bmc_extra_user": "The server's management controller has an account that is not ours.",
    "bmc_account_changed": "Our account on the server's management controller was changed.",
    "bmc_boot_changed": "What the server boots from was changed.",
    "bmc_media_inserted": "An image lies in the virtual drive of the server's management controller.",
    "bmc_ipmi_on": "The server's management controller answers to IPMI over the network, which must be off.",
    "bmc_password_unproved": "The new password of the server's management controller could not be proved.",
    "network_unknown": "It is not recorded which switch port the server hangs on, or which network it goes to.",
    "network_exhausted": "There is no free network left for your project in this fabric.",
    "switch_unreachable": "The switch that the server hangs on could not be reached.",
    "switch_refused": "The switch did not put the server into the network that it was told.",
    "hardware_differs": "The server's hardware is not what was bought.",
    "inspect_timeout": "Looking at the hardware took longer than it may.",
    "firmware_differs": "The firmware of the server is not what it should be.",
    "power_state_mismatch": "The server said it switched power but did not.",
    "power_off_timeout": "The server did not switch off.",
    "agent_silent": "The server started its installer but never reported.",
    "image_timeout": "Installing the OS image took longer than it may.",
    "image_checksum_mismatch": "The OS image arrived damaged: its checksum is wrong.",
    "image_download_failed": "The server could not download the OS image.",
    "disk_too_small": "The server's disk is too small for the OS image.",
    "write_failed": "The server could not write its disk.",
    "no_phone_home": "The server did not finish its first boot.",
    "host_key_unexpected": "The server reported another SSH host key than it was given.",
    "ssh_unreachable": "The server does not answer on SSH.",
    "ssh_host_key_mismatch": "The server answered on SSH with a host key that is not its own.",
    "ssh_auth_failed": "The server does not accept the keys that it was given.",
    "ssh_wrong_hostname": (
        "The server answers to another host name than it was given: does the user-data, or the image, set one? "
        "Leave that out."
    ),
    "handover_failed": "The server could not take in the files and keys of its cluster.",
    "peers_unreachable": "The server and the others of its reservation do not reach one another over SSH.",
    "allreduce_failed": "The bandwidth between the GPUs of the servers could not be measured.",
    "allreduce_slow": "The bandwidth between the GPUs of the servers is lower than it should be.",
    "rescue_timeout": "The rescue system was started but did not report.",
    "erase_timeout": "Erasing took longer than it may.",
    "erase_incomplete": "Erasing left data behind.",
    "erase_unsupported": "A drive supports none of the ways of erasing that are accepted.",
    "erase_unproved": "The server could not prove that all of its drives were erased.",
    "fence_lost": "The work was taken over by another worker.",
    "run_timed_out": "The step took longer than it may.",
    "run_stopped": "The step was stopped before it was done.",
    "run_failed": "The step failed on our side.",
    "bad_variables": "The step failed on our side.",
    "operation_timeout": "The operation took longer than it may.",
    "worker_lost": "The worker was lost too often.",
    "server_not_held": "The server is no longer handed over to this reservation.",
    "server_not_ready": "The server was not free to be deployed.",
    "agent_error": "The server reported an error.",
}

OF_ALL = frozenset(
    {
        "allreduce_failed",
        "allreduce_slow",
        "network_unknown",
        "network_exhausted",
        "disk_too_small",
        "ssh_wrong_hostname",
        "fence_lost",
        "run_stopped",
        "run_failed",
        "bad_variables",
        "operation_timeout",
        "worker_lost",
        "server_not_held",
    }
)
"""Failures that blame no one server: another of its kind would fail in the same way, or nothing tells which it is."""


def explain(code: str) -> str:
    """Return the customer's words for a failure code; an unknown code reads as an error on our side."""
    return FAILURES.get(code, FAILURES["run_failed"])
