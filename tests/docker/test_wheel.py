"""The wheel, built as the image builds it, holds the whole service and nothing else."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.sources import ROOT, sources

#: The packages of the wheel and where they lie in the repository.
PLACES = {
    "ordering/": "app/ordering/",
    "ordering_app/": "app/ordering_app/",
    "ordering_graphql/": "graphql/ordering_graphql/",
    "ordering_http/": "app/ordering_http/",
    "ordering_jobs/": "jobs/ordering_jobs/",
    "ordering_rest/": "rest/ordering_rest/",
    "ordering_rest/openapi/": "openapi/",
}

_LOOK = """
import json, sys
from importlib.resources import files
from pathlib import Path

import ordering_app, ordering_graphql, ordering_http, ordering_jobs, ordering_rest
from ordering.db.piccolo_app import APP_CONFIG
from ordering_rest.contract import CONTRACTS, read_contract

demo = files("ordering_app.demo")
migrations = Path(APP_CONFIG.migrations_folder_path)
packages = [ordering_app, ordering_graphql, ordering_http, ordering_jobs, ordering_rest]
json.dump({
    "homes": sorted({str(Path(each.__path__[0]).parent) for each in packages}),
    "contracts": sorted(name for name in CONTRACTS if read_contract(name)["paths"]),
    "demo": demo.joinpath("catalog.yaml").is_file(),
    "orders": sorted(each.name for each in demo.joinpath("orders").iterdir()),
    "migrations": sorted(each.name for each in migrations.glob("ordering_*.py")),
    "migrations home": str(migrations.parents[2]),
}, sys.stdout)
"""


def run_pip(*arguments: str) -> None:
    """Run pip without a network."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [*pip, *arguments], cwd=ROOT, check=False, text=True, stdout=-1, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the pinned build back end."""
    folder = tmp_path_factory.mktemp("wheel")
    run_pip(
        "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), "."
    )
    (built,) = folder.iterdir()
    return built


def test_the_wheel_holds_the_sources_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        inside + path.removeprefix(outside)
        for inside, outside in PLACES.items()
        for path in sources(outside)
    }
    assert packed == expected


@pytest.mark.parametrize(
    "path",
    [
        "ordering/db/migrations/ordering_2026_11_22_first_tables.py",
        "ordering_app/demo/catalog.yaml",
        "ordering_app/demo/orders/async.json",
        "ordering_app/demo/orders/sync.json",
        "ordering_rest/openapi/product-ordering.yaml",
    ],
)
def test_the_wheel_holds_what_is_no_code(wheel: Path, path: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo(path).file_size > 0


def test_the_wheel_gives_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry_points,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        text = archive.read(entry_points).decode()
    assert text.split() == ["[console_scripts]", "ordering", "=", "ordering_app.__main__:main"]


def test_the_installed_wheel_finds_its_files(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    run_pip("install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    done = subprocess.run(
        [sys.executable, "-c", _LOOK],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(target)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "homes": [str(target)],
        "contracts": sorted(
            Path(path).stem for path in sources("openapi") if "/released/" not in path
        ),
        "demo": True,
        "orders": ["async.json", "sync.json"],
        "migrations": [
            Path(path).name
            for path in sources("app/ordering/db/migrations")
            if not path.endswith("/__init__.py")
        ],
        "migrations home": str(target),
    }
