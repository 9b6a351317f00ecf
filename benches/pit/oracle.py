"""The independent answer, in plain Python: python oracle.py DATA OUT [EVERY]

For each entity a list of (event time, created time, row) that Python sorts; for each row of the spine a bisection for
the last event at or before its time, dropped unless it is later than the ttl allows. A thousand rows of the spine are
tried against every row, too. EVERY takes each EVERY-th row of the spine only, so that the large scales fit: the
features of other entities are then left out.
"""

import bisect
import random
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

import views
from views import SPINE, VIEWS

TRIED = 1_000


def numbers(column):
    return column.cast(pa.int64()).to_numpy()


def winners(view, table, spine):
    """For each row of the spine the number of the feature row that answers, or None."""
    keys = table[view.key].to_pylist()
    events, created = numbers(table["event_timestamp"]), numbers(table["created_timestamp"])
    histories = {}
    for row, (key, event, made) in enumerate(zip(keys, events.tolist(), created.tolist())):
        histories.setdefault(key, []).append((event, made, row))
    for history in histories.values():
        history.sort()
    asked, times = spine[view.key].to_pylist(), numbers(spine["event_timestamp"]).tolist()
    found = []
    for key, time in zip(asked, times):
        history = histories.get(key, [])
        at = bisect.bisect_right(history, (time, float("inf"), 0)) - 1
        expired = at < 0 or (view.ttl_us is not None and history[at][0] <= time - view.ttl_us)
        found.append(None if expired else history[at][2])
    keys = np.array(keys)
    for row in random.Random(5).sample(range(len(asked)), min(TRIED, len(asked))):
        floor = -(2**63) if view.ttl_us is None else times[row] - view.ttl_us
        seen = np.flatnonzero((keys == asked[row]) & (events <= times[row]) & (events > floor))
        want = max(((events[at], created[at]) for at in seen), default=None)
        got = None if found[row] is None else (events[found[row]], created[found[row]])
        assert want == got, (view.name, row, want, got)
    return found


def main():
    data, out = sys.argv[1:3]
    every = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    spine = pq.read_table(views.spine(data))
    spine = spine.filter(pa.array(spine["row_id"].to_numpy() % every == 0))
    columns = {name: spine[name] for name, _ in SPINE}
    for view in VIEWS:
        source = ds.dataset(Path(data, view.name), format="parquet")
        known = None if every == 1 else pc.field(view.key).isin(pc.unique(spine[view.key]))
        table = source.to_table(filter=known).combine_chunks()
        found = winners(view, table, spine)
        which = pa.array(found, pa.int64())
        columns |= {name: table[name].take(which) for name in view.names}
        print(f"{view.name}: {len(found) - which.null_count} of {len(found)} rows matched", file=sys.stderr)
    pq.write_table(pa.table(columns), out, compression="zstd")


main()
