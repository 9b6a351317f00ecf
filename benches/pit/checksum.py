"""A checksum of a training set, whatever the order of its rows: python checksum.py FILE [ROWS]

Per column the number of nulls, and the sum of mix(row_id, value) modulo 2^64, so that a value in another row shows.
Engines differ in what they can say, so NaN and empty lists count as null. ROWS is a number, to
take each so-manieth row_id only, or a spine, to take its rows only. Prints a line of JSON: rows, checksum, columns.
"""

import hashlib
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from views import SPINE, VIEWS


def mix(x):
    x = x.astype(np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def float_bits(values):
    # Adding zero makes one zero of two.
    return (values.astype(np.float64) + 0.0).view(np.uint64)


def plain(array):
    return array.to_numpy(zero_copy_only=False)


def text_hashes(array):
    if not pa.types.is_dictionary(array.type):
        array = array.cast(pa.large_string()).dictionary_encode()
    hashes = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in array.dictionary.to_pylist()]
    hashes = np.array([int.from_bytes(digest, "little") for digest in hashes] + [0], dtype=np.uint64)
    return hashes[plain(array.indices.fill_null(len(hashes) - 1)).astype(np.int64)]


def list_hashes(array):
    """The sum of mix(value, position) of each list, and which lists are not empty."""
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(pa.float32()))
    lengths = plain(pc.list_value_length(array).fill_null(0)).astype(np.int64)
    items = plain(pc.list_flatten(array))
    starts = np.cumsum(lengths) - lengths
    positions = np.arange(len(items)) - np.repeat(starts, lengths)
    sums = np.cumsum(mix(float_bits(items) + mix(positions + 1)), dtype=np.uint64)
    sums = np.concatenate([[np.uint64(0)], sums])
    return sums[starts + lengths] - sums[starts], lengths > 0


def hashes(array, kind):
    """A number for each value, and which values are there."""
    if kind == "list_f32":
        return list_hashes(array)
    valid = plain(array.is_valid())
    if kind == "str":
        return text_hashes(array), valid
    if kind == "ts":
        return plain(array.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())).astype(np.uint64), valid
    if kind == "bool":
        array = array.cast(pa.int8())
    if kind == "i64" and not pa.types.is_floating(array.type):
        return plain(array.cast(pa.int64()).fill_null(0)).astype(np.uint64), valid
    values = plain(array.cast(pa.float64()).fill_null(0))
    valid = valid & ~np.isnan(values)
    values = np.where(valid, values, 0.0)
    return values.astype(np.int64).astype(np.uint64) if kind == "i64" else float_bits(values), valid


def main():
    path, only = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "1"
    among = None if only.isdigit() else pq.read_table(only, columns=["row_id"])["row_id"]
    wanted = dict([*SPINE, *(column for view in VIEWS for column in view.columns)])
    sums, rows = {name: [0, 0] for name in wanted}, 0
    for batch in pq.ParquetFile(path).iter_batches(batch_size=500_000, columns=list(wanted)):
        if among is not None:
            batch = batch.filter(pc.is_in(batch["row_id"].cast(pa.int64()), among.combine_chunks()))
        elif int(only) > 1:
            batch = batch.filter(pa.array(plain(batch["row_id"]).astype(np.int64) % int(only) == 0))
        rows += batch.num_rows
        ids = mix(plain(batch["row_id"].cast(pa.int64())).astype(np.uint64) + np.uint64(1))
        for name, kind in wanted.items():
            values, valid = hashes(batch[name], kind)
            mixed = mix(ids + mix(values))[valid]
            sums[name][0] = (sums[name][0] + int(mixed.sum(dtype=np.uint64))) % 2**64
            sums[name][1] += int((~valid).sum())
    total = hashlib.blake2b(json.dumps([rows, sums], sort_keys=True).encode(), digest_size=8).hexdigest()
    json.dump({"rows": rows, "checksum": total, "columns": sums}, sys.stdout)
    print()


main()
