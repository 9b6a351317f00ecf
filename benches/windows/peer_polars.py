"""The windows in Polars: python peer_polars.py join|rolling DATA OUT

Both fold the events of each user and hour into a tile first. `join` joins the tiles of each asked user, keeps those of
the longest window, and folds them once for each window. `rolling` puts tiles and questions into one table and folds
what lies in each window before every row.
"""

import sys

import polars as pl

import events
from events import FEATURES, HOUR, SPINE, WINDOWS

variant, data, out = sys.argv[1:]
KEYS = ["user_id", "cutoff"]
LONGEST = max(WINDOWS.values())
micros = pl.col("event_timestamp").dt.timestamp("us")
amount = pl.col("amount")

# The parts of a tile: how events are folded into it, and how tiles are folded.
PARTS = {
    "n": (pl.len(), pl.Expr.sum),
    "bought": (pl.col("is_purchase").sum(), pl.Expr.sum),
    "quantity": (pl.col("quantity").sum(), pl.Expr.sum),
    "quantities": (pl.col("quantity").count(), pl.Expr.sum),
    "amounts": (amount.count(), pl.Expr.sum),
    "total": (amount.sum(), pl.Expr.sum),
    "squares": ((amount * amount).sum(), pl.Expr.sum),
    "least": (amount.min(), pl.Expr.min),
    "most": (amount.max(), pl.Expr.max),
}


def feature(function, hours):
    """A feature from the folded parts of its window. A sum of nothing is 0 here, and null in SQL."""

    def part(name):
        return pl.col(f"{name}_{hours}")

    match function:
        case "n" | "bought":
            return part(function).cast(pl.Int64)
        case "quantity":
            return pl.when(part("quantities") > 0).then(part("quantity"))
        case "total":
            return pl.when(part("amounts") > 0).then(part("total"))
        case "mean":
            return pl.when(part("amounts") > 0).then(part("total") / part("amounts"))
        case "spread":
            squares = part("squares") - part("total") * part("total") / part("amounts")
            return pl.when(part("amounts") > 1).then((squares.clip(0) / (part("amounts") - 1)).sqrt())
        case _:
            return part(function)


def joined(asked, tiles):
    pairs = asked.join(tiles, on="user_id").filter(
        pl.col("tile") > pl.col("cutoff") - LONGEST, pl.col("tile") <= pl.col("cutoff")
    )
    within = {hours: pl.col("tile") > pl.col("cutoff") - hours for hours in WINDOWS.values()}
    return pairs.group_by(KEYS).agg(
        fold(pl.col(part).filter(within[hours])).alias(f"{part}_{hours}")
        for part, (_, fold) in PARTS.items()
        for hours in WINDOWS.values()
    )


def rolled(asked, tiles):
    questions = asked.select("user_id", pl.col("cutoff").alias("tile"), pl.lit(True).alias("is_asked"))
    both = pl.concat([tiles.with_columns(pl.lit(False).alias("is_asked")), questions], how="diagonal")
    both = both.sort("user_id", "tile").collect(engine="streaming")
    folded = both.select("user_id", pl.col("tile").alias("cutoff"), "is_asked")
    for hours in WINDOWS.values():
        window = both.rolling(index_column="tile", period=f"{hours}i", closed="right", group_by="user_id")
        folds = window.agg(fold(pl.col(part)).alias(f"{part}_{hours}") for part, (_, fold) in PARTS.items())
        folded = folded.hstack(folds.drop("user_id", "tile"))
    return folded.lazy().filter("is_asked", pl.col(f"n_{LONGEST}") > 0)


spine = pl.scan_parquet(events.spine(data)).with_columns((micros // HOUR).alias("cutoff"))
asked = spine.select(KEYS).unique()
tiles = (
    pl.scan_parquet(events.files(data))
    .join(asked.select("user_id").unique(), on="user_id", how="semi")
    .group_by("user_id", ((micros + HOUR - 1) // HOUR).alias("tile"))
    .agg(sql.alias(part) for part, (sql, _) in PARTS.items())
)
folded = joined(asked, tiles) if variant == "join" else rolled(asked, tiles)
answers = folded.select(*KEYS, *(feature(function, hours).alias(name) for name, function, hours in FEATURES))
result = spine.join(answers, on=KEYS, how="left").select(*SPINE, *(name for name, *_ in FEATURES))
result.sink_parquet(out, compression="zstd", engine="streaming")
