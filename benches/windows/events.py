"""The windows benchmark: what its events are, and which features are asked of them."""

from pathlib import Path

HOUR = 3_600_000_000
"""Microseconds of an hour, which is `every`: windows end at full hours."""

WINDOWS = {"1h": 1, "6h": 6, "1d": 24, "7d": 168, "30d": 720}
"""Hours of each window; the last is the longest."""

FUNCTIONS = {
    "n": ("int64", "count(*)"),
    "bought": ("int64", "count(*) filter (where is_purchase)"),
    "quantity": ("int64", "sum(quantity)"),
    "total": ("float64", "sum(amount)"),
    "mean": ("float64", "avg(amount)"),
    "least": ("float64", "min(amount)"),
    "most": ("float64", "max(amount)"),
    "spread": ("float64", "stddev(amount)"),
}
"""The features of each window: type and SQL."""

FEATURES = [(f"{name}_{window}", name, hours) for window, hours in WINDOWS.items() for name in FUNCTIONS]
"""Name, function and hours of each feature."""

SPINE = ["row_id", "user_id", "event_timestamp"]


def files(data):
    """The pattern of the events' files; `data` is the folder of one scale."""
    return str(Path(data, "events", "*.parquet"))


def spine(data):
    return str(Path(data, "spine.parquet"))
