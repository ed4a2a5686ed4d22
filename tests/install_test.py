"""An installed krets finds DuckDB and its extensions beside itself, and runs from anywhere."""

import os
import shutil
import subprocess
import sqlite3

import pytest

BUILD = os.environ["KRETS_BUILD"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The program, installed, then moved: nothing may depend on the place of the build."""
    folder = tmp_path_factory.mktemp("install")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
                    "--destdir", str(folder / "stage")], check=True, stdout=subprocess.DEVNULL)
    programs = list((folder / "stage").rglob("bin/krets"))
    assert len(programs) == 1
    moved = folder / "elsewhere"
    shutil.move(str(programs[0].parent.parent), moved)
    return moved / "bin" / "krets"


def run(program, *arguments, **options):
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    return subprocess.run([str(program), *arguments], capture_output=True, text=True,
                          env=environment, check=False, **options)


def test_the_installed_program_runs(installed):
    done = run(installed, "version", cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("krets ")


def test_its_duckdb_lies_beside_it(installed):
    linked = subprocess.run(["ldd", str(installed)], capture_output=True, text=True, check=True)
    line = next(line for line in linked.stdout.splitlines() if "libduckdb" in line)
    assert str(installed.parent.parent) in os.path.realpath(line.split("=>")[1].split()[0])


def test_it_makes_a_report_from_a_file(installed, tmp_path):
    (tmp_path / "orders.csv").write_text(
        "customer_id,order_date,amount\n7,2026-01-03,12.50\n7,2026-02-01,3\n8,2026-01-09,7\n")
    done = run(installed, "init", "-C", str(tmp_path), "--from", str(tmp_path / "orders.csv"))
    assert done.returncode == 0, done.stderr
    done = run(installed, "run", "-C", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000


def test_it_finds_its_extensions(installed, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("create table orders (customer text, time text, amount integer)")
        shop.execute("insert into orders values ('a', '2026-01-02 10:00:00', 5)")
    (tmp_path / "krets.yaml").write_text(
        "krets: 1\nname: Shop\nnow: last event\nsources:\n  orders:\n"
        f"    connect: sqlite://{tmp_path}/shop.db\n"
        "    query: select customer, cast(time as timestamp) as time, amount from orders\n"
        "    event: order\n"
        "segments:\n  buyers: did(order)\n")
    done = run(installed, "members", "buyers", "-C", str(tmp_path))
    assert done.returncode == 3  # no data yet
    done = run(installed, "run", "-C", str(tmp_path))
    assert done.returncode == 0, done.stderr
    done = run(installed, "members", "buyers", "-C", str(tmp_path))
    assert done.stdout == "a\n", done.stderr
