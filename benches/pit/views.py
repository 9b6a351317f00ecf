"""The views of the point-in-time benchmark: names, keys, ttls, columns, and where their files lie."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

DAY = 86_400_000_000
"""Microseconds of a day."""


@dataclass(frozen=True)
class View:
    """A view with its columns, each of a kind: i32, i64, f32, f64, str, bool or list_f32."""

    name: str
    key: str
    ttl_days: int | None
    share: float
    """Of all feature rows."""
    columns: tuple[tuple[str, str], ...]

    @property
    def names(self):
        return [name for name, _ in self.columns]

    @property
    def ttl_us(self):
        """Rows answer while `event > t - ttl`: the lower end is open."""
        return None if self.ttl_days is None else self.ttl_days * DAY

    @property
    def tolerance(self):
        """The same for engines whose lower end is closed."""
        return None if self.ttl_us is None else timedelta(microseconds=self.ttl_us - 1)


VIEWS = [
    View(
        name="user_profile",
        key="user_id",
        ttl_days=90,
        share=0.10,
        columns=(
            ("up_age", "i32"),
            ("up_country", "str"),
            ("up_plan", "str"),
            ("up_is_premium", "bool"),
            ("up_ltv", "f64"),
            ("up_score", "f32"),
            ("up_num_devices", "i64"),
            ("up_city", "str"),
            ("up_signup_days", "i32"),
            ("up_embedding", "list_f32"),
        ),
    ),
    View(
        name="user_activity",
        key="user_id",
        ttl_days=7,
        share=0.60,
        columns=(
            *((f"ua_c{at}", "i64") for at in range(8)),
            *((f"ua_f{at}", "f32") for at in range(6)),
            *((f"ua_d{at}", "f64") for at in range(6)),
        ),
    ),
    View(
        name="user_risk",
        key="user_id",
        ttl_days=None,
        share=0.10,
        columns=(
            ("ur_score", "f64"),
            ("ur_flags", "i32"),
            ("ur_band", "str"),
            ("ur_velocity", "f32"),
            ("ur_blocked", "bool"),
        ),
    ),
    View(
        name="item_stats",
        key="item_id",
        ttl_days=14,
        share=0.20,
        columns=(
            ("is_price", "f64"),
            ("is_ctr", "f32"),
            ("is_views_7d", "i64"),
            ("is_sales_7d", "i64"),
            ("is_category", "str"),
            ("is_stock", "i32"),
            ("is_title", "str"),
            ("is_rating", "f32"),
        ),
    ),
]

SPINE = (("row_id", "i64"), ("user_id", "i64"), ("item_id", "str"), ("event_timestamp", "ts"), ("label", "i32"))
"""The columns of the spine."""


def files(data, view):
    """The pattern of a view's files; `data` is the folder of one scale."""
    return str(Path(data, view.name, "*.parquet"))


def spine(data):
    return str(Path(data, "spine.parquet"))
