"""Generated fleets: as many servers as asked, each with fifty allocations over a year."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from portal.launcher.bench.cluster import Cluster, Connection

SQL = Path(__file__).parent / "sql"
WORLD = "world"
POOLS = 4
HELD = 50
CHUNK = 5000
"""Servers whose calendar is worked out by one statement."""
BULK = ("reservations_allocation", "reservations_reservation")


@dataclass(frozen=True)
class Fleet:
    """A filled database. ``world`` has the ids that its child wrote."""

    servers: int
    pools: int
    database: str
    world: dict[str, Any]
    since: int
    """When its allocations begin, in seconds since 1970."""
    allocations: int

    @property
    def name(self) -> str:
        """The size as people say it: ``10k``."""
        return f"{self.servers // 1000}k" if self.servers % 1000 == 0 else str(self.servers)

    @property
    def per_pool(self) -> int:
        """Servers of one of the pools."""
        return self.servers // self.pools

    @property
    def block(self) -> int:
        """The size of a large booking: 64, or what the pools of a small fleet have room for."""
        return 64 if self.servers >= 10_000 else max(1, min(16, self.servers // 64))


def fill(cluster: Cluster, servers: int, *, pools: int = POOLS, held: int = HELD) -> Fleet:
    """Return a fleet of ``servers``, made now unless the cluster has it from an earlier run.

    Each server has ``held`` allocations over the year.
    """
    database = f"fleet_{servers}_{pools}_{held}"
    filled = cluster.root / f"{database}.filled"
    world = _world(cluster)
    if not cluster.create(database, template=WORLD) and filled.exists():
        return _fleet(cluster, servers, pools, database, world)
    with cluster.connect(database) as connection:
        connection.execute("SELECT set_config('bench.world', %s, false)", [json.dumps(world)])
        for name, number in (("servers", servers), ("pools", pools), ("held", held)):
            connection.execute("SELECT set_config(%s, %s, false)", [f"bench.{name}", str(number)])
        connection.execute("SET work_mem = '256MB'")
        with without_indexes(connection):
            connection.execute("SET session_replication_role = replica")
            connection.execute((SQL / "fill.sql").read_bytes(), prepare=False)
            connection.execute("SET session_replication_role = origin")
        _derive(connection)
        connection.execute((SQL / "works.sql").read_bytes(), prepare=False)
    filled.touch()
    return _fleet(cluster, servers, pools, database, world)


def _world(cluster: Cluster) -> dict[str, Any]:
    """Return the ids of the rows that all fleets share: the portal, migrated, with a customer and no servers."""
    written = cluster.root / "world.json"
    if not written.exists():
        cluster.create(WORLD)
        written.write_text(json.dumps(cluster.portal("world", WORLD)))
    found: dict[str, Any] = json.loads(written.read_text())
    return found


def _fleet(cluster: Cluster, servers: int, pools: int, database: str, world: dict[str, Any]) -> Fleet:
    with cluster.connect(database) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM since)::bigint, (SELECT max(id) FROM reservations_allocation) FROM bench_world"
        ).fetchone()
    return Fleet(servers, pools, database, world, *(row or (0, 0)))


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """Take the indexes and keys off the bulky tables for a while; each is built again as it was."""
    keys = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = ANY (%s::regclass[]) AND contype IN ('u', 'x')",
        [list(BULK)],
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = ANY (%s::regclass[]) AND NOT indisprimary",
        [list(BULK)],
    ).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in indexes:
        connection.execute(definition.encode())
    for table, name, definition in keys:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}".encode())


def _derive(connection: Connection) -> None:
    """Have the product work out the calendar, and leave the tables as a quiet night would."""
    connection.execute("ANALYZE")
    ids = [row[0] for row in connection.execute("SELECT id FROM fleet_server ORDER BY id")]
    for first in range(0, len(ids), CHUNK):
        connection.execute("SELECT calendar_rebuild(%s::bigint[])", [ids[first : first + CHUNK]])
        connection.execute("SELECT calendar_fold(10000000)")
    connection.execute("VACUUM (ANALYZE, FREEZE)")
    connection.execute("CHECKPOINT")
