"""A feature repository over the events: python repository.py FOLDER DATA

Its service `all` has 40 features. A ttl of just under an hour lets the last full hour alone answer, which is what the
peers compute. JSON is YAML.
"""

import json
import sys
from pathlib import Path

from events import FUNCTIONS, HOUR, WINDOWS

folder, data = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
features = [
    {"name": f"{name}_{window}", "type": value_type, "expr": sql, "window": window}
    for window in WINDOWS
    for name, (value_type, sql) in FUNCTIONS.items()
]
definitions = {
    "entities": [{"name": "user", "join_keys": [{"name": "user_id", "type": "int64"}]}],
    "sources": [
        {"name": "events", "parquet": {"path": str(data / "events")}, "event_time": "event_timestamp"},
    ],
    "feature_views": [
        {
            "name": "activity",
            "entities": ["user"],
            "source": "events",
            "ttl": f"{HOUR - 1}us",
            "aggregation": {"every": "1h", "features": features},
        }
    ],
    "feature_services": [{"name": "all", "features": ["activity"]}],
}
settings = {
    "project": "windows",
    "registry": ".asof/registry",
    "online_store": {"type": "embedded", "path": ".asof/online"},
}
folder.mkdir(parents=True, exist_ok=True)
(folder / "feature_store.yaml").write_text(json.dumps(settings))
(folder / "definitions.yaml").write_text(json.dumps(definitions))
