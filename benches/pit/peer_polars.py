"""Polars' join_asof: python peer_polars.py memory|streaming|semi|grouped DATA OUT

`memory` and `streaming` are its two engines. `semi` keeps the features of the spine's entities only, before they are
sorted. `grouped` sorts both sides by key and time, for the streaming engine's as-of join by groups.
"""

import sys

import polars as pl

import views
from views import VIEWS

variant, data, out = sys.argv[1:]
TIMES = ["event_timestamp", "created_timestamp"]
spine = pl.scan_parquet(views.spine(data))
joined = spine if variant == "grouped" else spine.sort("event_timestamp")
sorted_by = None
for view in VIEWS:
    features = pl.scan_parquet(views.files(data, view)).select([view.key, *TIMES, *view.names])
    if variant == "semi":
        features = features.join(spine.select(view.key).unique(), on=view.key, how="semi")
    # Backward takes the last of equal times, so the created time breaks ties.
    if variant == "grouped":
        features = features.sort([view.key, *TIMES]).drop("created_timestamp")
        if view.key != sorted_by:
            joined = joined.sort([view.key, "event_timestamp"])
        sorted_by = view.key
    else:
        features = features.sort(TIMES).drop("created_timestamp").set_sorted("event_timestamp")
    joined = joined.join_asof(
        features, on="event_timestamp", by=view.key, strategy="backward", tolerance=view.tolerance
    )
if variant == "memory":
    joined.collect(engine="in-memory").write_parquet(out, compression="zstd")
else:
    joined.sink_parquet(out, compression="zstd", engine="streaming")
