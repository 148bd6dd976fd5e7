"""The Piccolo application: which tables there are and where their migrations lie."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from ordering.db.tables import ALL_TABLES

__all__ = ["APP_CONFIG", "APP_NAME"]

APP_NAME = "ordering"
APP_CONFIG = AppConfig(
    app_name=APP_NAME,
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=list(ALL_TABLES),
)
