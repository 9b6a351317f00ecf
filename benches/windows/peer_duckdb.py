"""The windows in DuckDB: python peer_duckdb.py join|frames DATA OUT

Both fold the events of each user and hour into a tile first. `join` joins the tiles of the longest window to each asked
user and hour, and folds them once for each window. `frames` puts tiles and questions into one table and slides a frame
of each window over it.
"""

import sys
import tempfile

import duckdb

import events
from events import FEATURES, HOUR, SPINE, WINDOWS

variant, data, out = sys.argv[1:]
LONGEST = max(WINDOWS.values())
CUTOFF = f"epoch_us(event_timestamp) // {HOUR}"

# The parts of a tile: how events are folded into it, and how tiles are folded.
PARTS = {
    "n": ("count(*)", "sum"),
    "bought": ("count(*) FILTER (WHERE is_purchase)", "sum"),
    "quantity": ("sum(quantity)", "sum"),
    "amounts": ("count(amount)", "sum"),
    "total": ("sum(amount)", "sum"),
    "squares": ("sum(amount * amount)", "sum"),
    "least": ("min(amount)", "min"),
    "most": ("max(amount)", "max"),
}


def feature(function, part):
    """A feature in SQL; `part` gives the SQL of a part over the window."""
    match function:
        case "n" | "bought":
            return f"coalesce({part(function)}, 0)::BIGINT"
        case "quantity":
            return f"{part(function)}::BIGINT"
        case "mean":
            return f"{part('total')} / {part('amounts')}"
        case "spread":
            mean = f"{part('total')} / {part('amounts')}"
            squares = f"greatest({part('squares')} - {part('total')} * ({mean}), 0)"
            return f"CASE WHEN {part('amounts')} > 1 THEN sqrt({squares} / ({part('amounts')} - 1)) END"
        case _:
            return part(function)


def joined():
    features = ", ".join(
        f"{feature(function, lambda part: f'{PARTS[part][1]}({part}) FILTER (WHERE tile > cutoff - {hours})')} AS {name}"
        for name, function, hours in FEATURES
    )
    return f"""SELECT user_id, cutoff, {features} FROM asked JOIN tiles USING (user_id)
        WHERE tile > cutoff - {LONGEST} AND tile <= cutoff GROUP BY ALL"""


def framed():
    nothing = ", ".join(f"NULL AS {part}" for part in PARTS)
    frames = ", ".join(
        f"w{hours} AS (PARTITION BY user_id ORDER BY tile RANGE BETWEEN {hours - 1} PRECEDING AND CURRENT ROW)"
        for hours in WINDOWS.values()
    )
    folds = ", ".join(
        f"{fold}({part}) OVER w{hours} AS {part}_{hours}" for part, (_, fold) in PARTS.items() for hours in WINDOWS.values()
    )
    features = ", ".join(
        f"{feature(function, lambda part: f'{part}_{hours}')} AS {name}" for name, function, hours in FEATURES
    )
    return f"""SELECT user_id, tile AS cutoff, {features} FROM (
            SELECT user_id, tile, is_asked, {folds} FROM (
                SELECT user_id, tile, {", ".join(PARTS)}, false AS is_asked FROM tiles
                UNION ALL SELECT user_id, cutoff, {nothing}, true FROM asked
            ) WINDOW {frames}
        ) WHERE is_asked AND n_{LONGEST} > 0"""


tile = f"(epoch_us(event_timestamp) + {HOUR - 1}) // {HOUR}"
parts = ", ".join(f"{sql} AS {part}" for part, (sql, _) in PARTS.items())
query = f"""
    WITH asked AS (SELECT DISTINCT user_id, {CUTOFF} AS cutoff FROM read_parquet('{events.spine(data)}')),
    tiles AS (
        SELECT user_id, {tile} AS tile, {parts} FROM read_parquet('{events.files(data)}')
        WHERE user_id IN (SELECT user_id FROM asked) GROUP BY ALL
    ),
    answers AS ({joined() if variant == "join" else framed()})
    SELECT {", ".join(f"s.{name}" for name in SPINE)}, {", ".join(f"a.{name}" for name, *_ in FEATURES)}
    FROM read_parquet('{events.spine(data)}') s
    LEFT JOIN answers a ON s.user_id = a.user_id AND {CUTOFF} = a.cutoff"""

with tempfile.TemporaryDirectory() as spilled:
    connection = duckdb.connect()
    connection.sql("SET preserve_insertion_order = false")
    connection.sql("SET TimeZone = 'UTC'")
    connection.sql(f"SET temp_directory = '{spilled}'")
    connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
    connection.close()
