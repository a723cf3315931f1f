"""What an emulated machine answers to the portal's questions. Where it has no hardware its answers are test doubles."""

import json
import time
from typing import Any
from xml.sax.saxutils import escape

from provisioning.simulator.cluster import QUESTIONS
from provisioning.simulator.doubles import MARK
from provisioning.simulator.shell import Answer, Host

DRIVER = "0.0-emulated"


def answer_agent(host: Host, question: str) -> Answer:
    """Answer one question, as the script on a real machine would."""
    if question == "hostname":
        return Answer(f"{host.hostname}\n")
    if question == "collect":
        return Answer(json.dumps(_collected(host)))
    return Answer(err=f"metalyard: ask for hostname, collect, {', '.join(QUESTIONS)}\n", status=2)


def _collected(host: Host) -> dict[str, Any]:
    return {
        "schema": "metalyard.collected/1",
        "hostname": host.hostname,
        "kernel": "6.8.0-emulated",
        "time": time.time(),
        "tools": {
            "nvidia_smi": _said(MARK + _gpus(host)),
            "nvidia_topology": {"absent": True},
            "dcgm": {"absent": True},
            "ibstat": {"absent": True},
            "drives": _said(MARK + _drives(host)),
            "clock": {"absent": True},
        },
    }


def _said(text: str) -> dict[str, Any]:
    return {"status": 0, "out": text, "cut": False}


def _gpus(host: Host) -> str:
    one = (
        f"<gpu><product_name>{escape(host.spec.gpu_model)}</product_name><serial>emulated</serial><ecc_errors><volatile>"
        "<sram_uncorrectable>0</sram_uncorrectable><dram_uncorrectable>0</dram_uncorrectable></volatile></ecc_errors></gpu>"
    )
    return f"<nvidia_smi_log><driver_version>{DRIVER}</driver_version>{one * host.gpu_count}</nvidia_smi_log>"


def _drives(host: Host) -> str:
    drive = {"name": "nvme0n1", "type": "disk", "serial": host.spec.drive_serial, "size": host.spec.disk_bytes}
    return json.dumps({"blockdevices": [drive]})
