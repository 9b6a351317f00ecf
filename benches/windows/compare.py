"""Compares two results, whatever the order of their rows: python compare.py FILE FILE

Nulls and whole numbers must be equal, floats within a millionth: engines add in different orders. Prints a line of
JSON: rows, and the columns that differ, each with how many values do.
"""

import json
import sys

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from events import FEATURES, FUNCTIONS

TOLERANCE = 1e-6


def differing(a, b, value_type):
    nulls = pc.xor(pc.is_null(a), pc.is_null(b))
    if value_type == "int64":
        other = pc.not_equal(a, b)
    else:
        a, b = (column.fill_null(0.0).to_numpy() for column in (a, b))
        other = ~np.isclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)
        return int((nulls.to_numpy(zero_copy_only=False) | other).sum())
    return pc.sum(pc.or_kleene(nulls, other)).as_py() or 0


def main():
    tables = [pq.read_table(path).sort_by("row_id") for path in sys.argv[1:3]]
    a, b = (table.combine_chunks() for table in tables)
    differ = {"row_id": len(a) + len(b)} if not a["row_id"].equals(b["row_id"].cast(a["row_id"].type)) else {}
    for name, function, _ in FEATURES if not differ else []:
        count = differing(a[name].combine_chunks(), b[name].combine_chunks(), FUNCTIONS[function][0])
        if count:
            differ[name] = count
    json.dump({"rows": len(a), "differ": differ}, sys.stdout)
    print()


main()
