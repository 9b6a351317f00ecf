"""DuckDB's ASOF JOIN: python peer_duckdb.py late|packed|semi|dedup DATA OUT [MEMORY]

`dedup` is what its documentation leads to: the last row of equal times first, then the join. `packed` holds event and
created time in one number of 128 bits, which breaks ties without that. `semi` is packed, with the features of the
spine's entities only. `late` is packed and joins keys and times alone, then fetches the features of the winners by file
and row number. MEMORY such as 12GB makes it spill above.
"""

import sys
import tempfile

import duckdb

import views
from views import SPINE, VIEWS

variant, data, out, *memory = sys.argv[1:]
MOST = 9_223_372_036_854_775_807
PACKED = f"epoch_us(event_timestamp)::HUGEINT * {MOST} + epoch_us(created_timestamp)"
spine = f"read_parquet('{views.spine(data)}')"


def late(at, view):
    """The join of a view that carries row numbers, and fetches the winners' features by them."""
    source = f"read_parquet('{views.files(data, view)}', file_row_number=true, filename=true)"
    number = "(regexp_extract(filename, 'day=([0-9]+)', 1)::BIGINT << 40) + file_row_number"
    within = "" if view.ttl_us is None else f"WHERE f.event > s.t - {view.ttl_us}"
    return f"""
        LEFT JOIN (
            SELECT winners.row_id, features.* FROM (
                SELECT s.row_id, f.number
                FROM (SELECT row_id, {view.key}, epoch_us(event_timestamp) AS t FROM {spine}) s
                ASOF JOIN (
                    SELECT {view.key}, epoch_us(event_timestamp) AS event, {PACKED} AS packed, {number} AS number
                    FROM {source}
                ) f ON s.{view.key} = f.{view.key} AND s.t::HUGEINT * {MOST} + {MOST - 1} >= f.packed
                {within}
            ) winners
            JOIN (SELECT {number} AS number, {", ".join(view.names)} FROM {source}) features
            ON winners.number = features.number
        ) v{at} ON s.row_id = v{at}.row_id"""


def early(at, view):
    """The join of a view that carries its features."""
    source = f"read_parquet('{views.files(data, view)}')"
    columns = f"{view.key}, epoch_us(event_timestamp) AS event, {', '.join(view.names)}"
    if variant == "dedup":
        features = f"""SELECT {columns} FROM {source}
            QUALIFY row_number() OVER (PARTITION BY {view.key}, event_timestamp ORDER BY created_timestamp DESC) = 1"""
        condition = f"s.t >= v{at}.event"
    else:
        known = f"WHERE {view.key} IN (SELECT {view.key} FROM {spine})" if variant == "semi" else ""
        features = f"SELECT {columns}, {PACKED} AS packed FROM {source} {known}"
        condition = f"s.t::HUGEINT * {MOST} + {MOST - 1} >= v{at}.packed"
    return f"ASOF LEFT JOIN ({features}) v{at} ON s.{view.key} = v{at}.{view.key} AND {condition}"


def output(at, view, name):
    if variant == "late" or view.ttl_us is None:
        return f"v{at}.{name}"
    return f"CASE WHEN v{at}.event > s.t - {view.ttl_us} THEN v{at}.{name} END AS {name}"


joins = [(late if variant == "late" else early)(at, view) for at, view in enumerate(VIEWS)]
outputs = [f"s.{name}" for name, _ in SPINE]
outputs += [output(at, view, name) for at, view in enumerate(VIEWS) for name in view.names]
query = f"""
    SELECT {", ".join(outputs)}
    FROM (SELECT *, epoch_us(event_timestamp) AS t FROM {spine}) s {" ".join(joins)}"""

with tempfile.TemporaryDirectory() as spilled:
    connection = duckdb.connect()
    connection.sql("SET preserve_insertion_order = false")
    connection.sql("SET TimeZone = 'UTC'")
    connection.sql(f"SET temp_directory = '{spilled}'")
    if memory:
        connection.sql(f"SET memory_limit = '{memory[0]}'")
    connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
    connection.close()
