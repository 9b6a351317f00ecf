"""pandas' merge_asof, one view after another: python peer_pandas.py plain DATA OUT"""

import sys
from pathlib import Path

import pandas as pd

import views
from views import VIEWS

_, data, out = sys.argv[1:]
TIMES = ["event_timestamp", "created_timestamp"]
joined = pd.read_parquet(views.spine(data)).sort_values("event_timestamp", kind="stable")
for view in VIEWS:
    features = pd.read_parquet(Path(data, view.name), columns=[view.key, *TIMES, *view.names])
    features = features.sort_values(TIMES).drop(columns="created_timestamp")
    tolerance = None if view.tolerance is None else pd.Timedelta(view.tolerance)
    joined = pd.merge_asof(
        joined, features, on="event_timestamp", by=view.key, tolerance=tolerance, direction="backward"
    )
joined.to_parquet(out, compression="zstd", index=False)
