"""What folding leaves of the timeline: when there is too much of it, and what clears it away.

Apart from all models, because the benchmark has no portal of its own.
"""

HAS_PILED_UP = """
    SELECT n_dead_tup > 2000 + n_live_tup / 20 FROM pg_stat_user_tables
    WHERE relid = 'reservations_timelinestep'::regclass
"""
CLEAR = "VACUUM (INDEX_CLEANUP on, TRUNCATE false, SKIP_LOCKED, PARALLEL 0) reservations_timelinestep"
