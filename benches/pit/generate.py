"""Makes the data of the point-in-time benchmark, the same bytes each time: python generate.py FOLDER S|M|L

Layout: FOLDER/<scale>/<view>/day=NNN.parquet, one file for each day of *ingestion* (five days at S) of 120, rows in the
order of ingestion: event time with a delay of seconds, 2 % late by up to three days. zstd, row groups of up to 250,000
rows, page index. Entities are Zipf(0.75) in the features. 2 % of the values are null. 0.7 % of the rows are sent again
as corrections (same event time, later created time, other values) and 0.3 % as they were.

The spine is in random order over the last 90 days. 3 % of its users and items are unknown; 1 % of its times are a
feature's event time to the microsecond, and 1 % lie exactly a ttl after one.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import views
from views import DAY, VIEWS

SEED = 7
# Feature rows, spine rows, users, items, days per file.
SCALES = {
    "T": (20_000, 2_000, 1_000, 300, 20),
    "S": (1_000_000, 100_000, 50_000, 20_000, 5),
    "M": (20_000_000, 1_000_000, 1_000_000, 200_000, 1),
    "L": (100_000_000, 10_000_000, 5_000_000, 1_000_000, 1),
}
DAYS = 120
SPINE_FROM = 30
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
TIME = pa.timestamp("us", tz="UTC")
SECOND = 1_000_000


def permuted(rank, n):
    """A bijection of 0..n, so that the hot ranks get scattered ids."""
    factor = 2_654_435_761 % n
    while np.gcd(factor, n) != 1:
        factor += 1
    return (rank * factor + 12_345) % n


def zipf(random, entities, n, exponent=4.0):
    """Ranks as N * u^4: Zipf with s = 0.75."""
    rank = np.minimum((entities * random.random(n) ** exponent).astype(np.int64), entities - 1)
    return permuted(rank, entities)


def user_ids(entity):
    return entity + 1_000_000_007


def item_ids(entity):
    return pa.array(np.char.add("item-", np.char.zfill(entity.astype("U10"), 9)))


def texts():
    """The values of each text column."""
    random = np.random.default_rng(99)
    alphabet = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz ", dtype="S1")
    sizes = {
        "up_country": (60, 2),
        "up_plan": (5, 8),
        "up_city": (20_000, 11),
        "ur_band": (8, 6),
        "is_category": (300, 14),
        "is_title": (100_000, 32),
    }
    pools = {}
    for name, (n, width) in sizes.items():
        pools[name] = pa.array([b"".join(row).decode() for row in alphabet[random.integers(0, 27, (n, width))]])
    return pools


def column(random, pools, name, kind, n):
    null = random.random(n) < (0.03 if kind == "list_f32" else 0.02)
    match kind:
        case "i32":
            return pa.array(random.integers(0, 4000, n, dtype=np.int32), mask=null)
        case "i64":
            return pa.array(np.floor(random.exponential(20, n)).astype(np.int64), mask=null)
        case "f32":
            return pa.array(random.random(n, dtype=np.float32), mask=null)
        case "f64":
            return pa.array(np.round(random.lognormal(3, 1, n), 2), mask=null)
        case "bool":
            return pa.array(random.random(n) < 0.3, mask=null)
        case "str":
            pool = pools[name]
            return pool.take(pa.array(random.integers(0, len(pool), n), mask=null))
        case "list_f32":
            offsets = np.concatenate([[0], np.cumsum(np.where(null, 0, 8))]).astype(np.int32)
            items = pa.array(random.random(int(offsets[-1]), dtype=np.float32))
            return pa.ListArray.from_arrays(pa.array(offsets), items, mask=pa.array(null))
    raise ValueError(kind)


def rows(random, pools, view, n, first_day, span, entities):
    """Rows of `span` days of events, corrections and repetitions last."""
    entity = zipf(random, entities, n)
    event = START + first_day * DAY + random.integers(0, span * DAY, n)
    # Whole seconds for half of the rows: real producers round, and equal times occur.
    event = np.where(random.random(n) < 0.5, event // SECOND * SECOND, event)
    delay = (random.exponential(20, n) * 1e6).astype(np.int64) + 1
    late = random.random(n) < 0.02
    delay = np.where(late, (random.random(n) * 3 * DAY).astype(np.int64) + 1, delay)
    created = event + delay
    key = pa.array(user_ids(entity)) if view.key == "user_id" else item_ids(entity)
    names = [view.key, "event_timestamp", "created_timestamp", *view.names]
    values = [column(random, pools, name, kind, n) for name, kind in view.columns]
    table = pa.table([key, pa.array(event), pa.array(created), *values], names=names)
    n_corrected = int(n * 0.007)
    which = random.choice(n, n_corrected, replace=False)
    corrected = created[which] + 1 + (random.random(n_corrected) * 6 * 3600e6).astype(np.int64)
    values = [column(random, pools, name, kind, n_corrected) for name, kind in view.columns]
    corrections = [key.take(pa.array(which)), pa.array(event[which]), pa.array(corrected), *values]
    repeated = table.take(pa.array(random.choice(n, int(n * 0.003), replace=False)))
    return pa.concat_tables([table, pa.table(corrections, names=names), repeated])


def write(table, path):
    for at, name in enumerate(["event_timestamp", "created_timestamp"], start=1):
        table = table.set_column(at, name, table[name].cast(TIME))
    pq.write_table(table, path, compression="zstd", row_group_size=250_000, write_page_index=True)


def write_view(folder, scale, pools, at):
    """Writes the files of a view. Returns some of its (user, event time), for the spine to hit."""
    view = VIEWS[at]
    feature_rows, _, users, items, span = SCALES[scale]
    entities = users if view.key == "user_id" else items
    per_file = max(1, int(feature_rows * view.share / 1.01 / DAYS * span))
    target = folder / view.name
    target.mkdir(parents=True)
    held, hits = None, []
    for first_day in range(0, DAYS, span):
        random = np.random.default_rng([SEED, at, first_day, len(scale), ord(scale[0])])
        table = rows(random, pools, view, per_file, first_day, span, entities)
        if held is not None:
            table = pa.concat_tables([held, table])
        created = table["created_timestamp"].to_numpy()
        is_last = first_day + span >= DAYS
        arrived = np.ones(len(created), bool) if is_last else created < START + (first_day + span) * DAY
        held = table.filter(pa.array(~arrived))
        order = np.flatnonzero(arrived)
        table = table.take(pa.array(order[np.argsort(created[order], kind="stable")]))
        if view.key == "user_id" and first_day >= SPINE_FROM and len(table) > 10:
            take = random.integers(0, len(table), 50)
            hits.append(np.stack([table[view.key].to_numpy()[take], table["event_timestamp"].to_numpy()[take]]))
        write(table, target / f"day={first_day:03d}.parquet")
    return hits


def write_spine(folder, scale, hits):
    _, n, users, items, _ = SCALES[scale]
    random = np.random.default_rng([SEED + 4, n])
    user = zipf(random, users, n, 3.0)
    user = np.where(random.random(n) < 0.03, users + user, user)
    item = zipf(random, items, n, 3.0)
    item = np.where(random.random(n) < 0.03, items + item, item)
    time = START + SPINE_FROM * DAY + random.integers(0, (DAYS - SPINE_FROM) * DAY, n)
    time = np.where(random.random(n) < 0.3, time // SECOND * SECOND, time)
    hits = np.concatenate(hits, axis=1)
    exact = np.flatnonzero(random.random(n) < 0.02)
    pick = random.integers(0, hits.shape[1], len(exact))
    user_id = user_ids(user)
    user_id[exact] = hits[0][pick]
    time[exact] = hits[1][pick]
    # Half of them at the open end of the ttl of user_activity.
    edge = exact[::2]
    time[edge] = np.minimum(time[edge] + VIEWS[1].ttl_us, START + DAYS * DAY - 1)
    table = pa.table(
        {
            "row_id": pa.array(np.arange(n)),
            "user_id": pa.array(user_id),
            "item_id": item_ids(item),
            "event_timestamp": pa.array(time).cast(TIME),
            "label": pa.array((random.random(n) < 0.1).astype(np.int32)),
        }
    )
    pq.write_table(table, views.spine(folder), compression="zstd", row_group_size=250_000)


def write_small_spines(folder):
    """Two spines of up to 10,000 of its rows: of the last day, and of all days."""
    spine = pq.read_table(views.spine(folder))
    random = np.random.default_rng(SEED)
    time = spine["event_timestamp"].cast(pa.int64()).to_numpy()
    last_day = np.flatnonzero(time >= START + (DAYS - 1) * DAY)
    for name, among in [("last_day", last_day), ("sample", np.arange(len(time)))]:
        which = random.choice(among, min(10_000, len(among)), replace=False)
        pq.write_table(spine.take(pa.array(which)), folder / f"spine_{name}.parquet", compression="zstd")


def main():
    root, scale = Path(sys.argv[1]), sys.argv[2]
    folder = root / scale
    # The small spines come last, so a folder that has them is whole.
    if (folder / "spine_sample.parquet").exists():
        return
    if not Path(views.spine(folder)).exists():
        print(f"generating {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        pools = texts()
        hits = [hit for at in range(len(VIEWS)) for hit in write_view(folder, scale, pools, at)]
        write_spine(folder, scale, hits)
    write_small_spines(folder)


main()
