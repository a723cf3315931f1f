"""Clusters to render."""

from hypothesis import strategies as st

from portal.reservations.handover.nodes import Node, cluster_of

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEE4MZ0oqEvEEDnMtIsAGVbc2RRrFCOOhRyM2Xtl7Yr2"


def node(number, **fields):
    known = {
        "server": f"srv_{number}",
        "hostname": f"train-{number:02d}",
        "address": f"10.0.0.{number}",
        "port": 22,
        "user": "ubuntu",
        "host_keys": (HOST_KEY,),
        "region": "eu-north-1",
        "fabric": "A",
        "technology": "NDR 400G",
        "rack": "r001",
        "unit": number,
        "gpu_model": "NVIDIA H100 80GB HBM3",
        "gpu_count": 8,
        "memory_gb": 2048,
        **fields,
    }
    return Node(**known)


def cluster(*nodes):
    return cluster_of("res_1", "train", nodes or (node(1), node(2, port=2222), node(3, rack="r002")))


places = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12)
rows = st.tuples(st.integers(1, 200), places, places, st.integers(1, 48))


def _cluster_of(found):
    return cluster(*(node(number, fabric=fabric, rack=rack, unit=unit) for number, fabric, rack, unit in found))


clusters = st.lists(rows, min_size=1, max_size=12, unique_by=lambda row: row[0]).map(_cluster_of)
