"""What Piccolo reads at start: the engine and the application with the tables."""

from piccolo.conf.apps import AppRegistry

from ordering.db.engine import ENGINE

__all__ = ["APP_REGISTRY", "DB"]

DB = ENGINE
APP_REGISTRY = AppRegistry(apps=["ordering.db.piccolo_app"])
