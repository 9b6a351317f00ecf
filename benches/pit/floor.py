"""The least that any program could do: python floor.py scan|write ENGINE DATA [RESULT COPY]

`scan` decodes every column of every file and lets it go; `write` writes the finished RESULT, already decoded in memory,
to COPY. Each prints the seconds of that work alone, without Python's beginning.
"""

import sys

import views
from views import SPINE, VIEWS, clock

phase, engine, data = sys.argv[1:4]
TIMES = ["event_timestamp", "created_timestamp"]
TABLES = [(views.files(data, view), [view.key, *TIMES, *view.names]) for view in VIEWS]
TABLES.append((views.spine(data), [name for name, _ in SPINE]))
KINDS = {name: kind for columns in (*(view.columns for view in VIEWS), SPINE) for name, kind in columns}


def scan_polars():
    import polars as pl

    with clock():
        for pattern, columns in TABLES:
            pl.scan_parquet(pattern).select(columns).sink_batches(lambda batch: None, engine="streaming")


def scan_duckdb():
    import duckdb

    def decoded(column):
        # count() and max() are answered from statistics; a sum has to decode.
        match "ts" if column in TIMES else KINDS[column]:
            case "str":
                return f"sum(strlen({column}))"
            case "list_f32":
                return f"sum(list_sum({column}))"
            case "ts":
                return f"sum(epoch_us({column}))"
            case "bool":
                return f"sum({column}::INT)"
            case _:
                return f"sum({column})"

    connection = duckdb.connect()
    with clock():
        for pattern, columns in TABLES:
            sums = ", ".join(decoded(column) for column in columns)
            connection.sql(f"SELECT {sums} FROM read_parquet('{pattern}')").fetchall()


def write_polars(result, copy):
    import polars as pl

    table = pl.read_parquet(result)
    with clock():
        table.write_parquet(copy, compression="zstd")


def write_pyarrow(result, copy):
    import pyarrow.parquet as pq

    table = pq.read_table(result)
    with clock():
        pq.write_table(table, copy, compression="zstd")


globals()[f"{phase}_{engine}"](*sys.argv[4:])
