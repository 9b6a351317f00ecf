"""A feature repository over the data of a scale: python repository.py FOLDER DATA [COPIES]

It has the service `all` with every view, and the service `users` with those whose key is user_id, each COPIES times
over under other names: `user_risk`, `user_risk_2` and so on. JSON is YAML.
"""

import json
import sys
from pathlib import Path

from views import VIEWS

folder, data = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
copies = int(sys.argv[3]) if len(sys.argv) > 3 else 1
TYPES = {
    "i32": "int32",
    "i64": "int64",
    "f32": "float32",
    "f64": "float64",
    "str": "string",
    "bool": "bool",
    "list_f32": "array<float32>",
}
KEYS = {"user_id": "int64", "item_id": "string"}


def feature_view(view, copy):
    suffix = "" if copy == 1 else f"_{copy}"
    # Asof's lower end is closed, the benchmark's open: one microsecond less.
    ttl = {} if view.ttl_us is None else {"ttl": f"{view.ttl_us - 1}us"}
    features = [{"name": name + suffix, "type": TYPES[kind], "expr": name} for name, kind in view.columns]
    return {"name": view.name + suffix, "entities": [view.key], "source": view.name, **ttl, "features": features}


feature_views = [(view, feature_view(view, copy)) for copy in range(1, copies + 1) for view in VIEWS]
definitions = {
    "entities": [{"name": name, "join_keys": [{"name": name, "type": kind}]} for name, kind in KEYS.items()],
    "sources": [
        {
            "name": view.name,
            "parquet": {"path": str(data / view.name)},
            "event_time": "event_timestamp",
            "created_time": "created_timestamp",
        }
        for view in VIEWS
    ],
    "feature_views": [made for _, made in feature_views],
    "feature_services": [
        {"name": "all", "features": [made["name"] for _, made in feature_views]},
        {"name": "users", "features": [made["name"] for view, made in feature_views if view.key == "user_id"]},
    ],
}
settings = {
    "project": "pit",
    "registry": ".asof/registry",
    "online_store": {"type": "embedded", "path": ".asof/online"},
}
folder.mkdir(parents=True, exist_ok=True)
(folder / "feature_store.yaml").write_text(json.dumps(settings))
(folder / "definitions.yaml").write_text(json.dumps(definitions))
