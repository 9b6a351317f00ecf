"""The least that any program could do: python floor.py scan ENGINE PATTERN... | write ENGINE RESULT COPY

`scan` decodes every column of the files and lets it go; `write` writes the finished RESULT, already decoded in memory,
to COPY. Each prints the seconds of that work alone, without Python's beginning.
"""

import json
import resource
import sys
import time
from contextlib import contextmanager


@contextmanager
def clock():
    """Prints one line of JSON: the wall and CPU seconds of its block."""

    def cpu():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    wall_0, cpu_0 = time.perf_counter(), cpu()
    yield
    json.dump({"wall": time.perf_counter() - wall_0, "cpu": cpu() - cpu_0}, sys.stdout)
    print()


def scan_polars(*patterns):
    import polars as pl

    with clock():
        for pattern in patterns:
            pl.scan_parquet(pattern, hive_partitioning=False).sink_batches(lambda batch: None, engine="streaming")


def scan_duckdb(*patterns):
    import duckdb

    def decoded(column, kind):
        # count() and max() are answered from statistics; a sum has to decode.
        match str(kind):
            case "VARCHAR":
                return f"sum(strlen({column}))"
            case "BOOLEAN":
                return f"sum({column}::INT)"
            case time if time.startswith("TIMESTAMP"):
                return f"sum(epoch_us({column}))"
            case many if many.endswith("[]"):
                return f"sum(list_sum({column}))"
            case _:
                return f"sum({column})"

    connection = duckdb.connect()
    sources = [f"read_parquet('{pattern}', hive_partitioning=false)" for pattern in patterns]
    tables = [connection.sql(f"FROM {source} LIMIT 0") for source in sources]
    sums = [", ".join(map(decoded, table.columns, table.types)) for table in tables]
    with clock():
        for source, decoding in zip(sources, sums):
            connection.sql(f"SELECT {decoding} FROM {source}").fetchall()


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


globals()["_".join(sys.argv[1:3])](*sys.argv[3:])
