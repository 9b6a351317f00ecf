"""Makes the events of the windows benchmark, the same each time: python generate.py FOLDER T|S|M

One file for each of 120 days, in the order of time, zstd. Users are Zipf(0.75) in the events. Half of all times are
whole seconds, so that some events stand at the very end of an hour. The spine has random rows of the last 60 days, of
users that are a little less skewed; 3 % are unknown.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import events
from events import HOUR

# Events, spine rows, users.
SCALES = {
    "T": (20_000, 2_000, 1_000),
    "S": (1_000_000, 50_000, 50_000),
    "M": (20_000_000, 1_000_000, 1_000_000),
}
DAYS = 120
DAY = 24 * HOUR
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
SECOND = 1_000_000
TIME = pa.timestamp("us", tz="UTC")


def users(random, n_users, n, exponent):
    """Ranks as N * u^exponent, scattered over the ids by a factor that is prime to every N here."""
    rank = np.minimum((n_users * random.random(n) ** exponent).astype(np.int64), n_users - 1)
    return rank * 2_654_435_761 % n_users


def whole_seconds(random, time, share):
    return np.where(random.random(len(time)) < share, time // SECOND * SECOND, time)


def day_of_events(day, n, n_users):
    random = np.random.default_rng([11, day, n])
    time = np.sort(whole_seconds(random, START + day * DAY + random.integers(0, DAY, n), 0.5))
    return pa.table(
        {
            "user_id": users(random, n_users, n, 4.0),
            "event_timestamp": pa.array(time).cast(TIME),
            "amount": pa.array(np.round(random.lognormal(3, 1, n), 2), mask=random.random(n) < 0.02),
            "quantity": pa.array(random.integers(1, 20, n), mask=random.random(n) < 0.02),
            "is_purchase": pa.array(random.random(n) < 0.2),
        }
    )


def spine_rows(n, n_users):
    random = np.random.default_rng([12, n])
    user = users(random, n_users, n, 3.0)
    time = START + DAYS // 2 * DAY + random.integers(0, DAYS // 2 * DAY, n)
    return pa.table(
        {
            "row_id": np.arange(n),
            "user_id": np.where(random.random(n) < 0.03, n_users + user, user),
            "event_timestamp": pa.array(whole_seconds(random, time, 0.3)).cast(TIME),
        }
    )


def main():
    folder = Path(sys.argv[1], sys.argv[2])
    n_events, n_spine, n_users = SCALES[sys.argv[2]]
    # The spine comes last, so a folder that has it is whole.
    if Path(events.spine(folder)).exists():
        return
    print(f"generating {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "events").mkdir(parents=True)
    for day in range(DAYS):
        table = day_of_events(day, n_events // DAYS, n_users)
        path = folder / "events" / f"day={day:03d}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=250_000, write_page_index=True)
    pq.write_table(spine_rows(n_spine, n_users), events.spine(folder), compression="zstd")


main()
