"""Golden answers: `krets run` against answers worked out in plain Python (tests/golden)."""

import datetime
import math
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

GOLDEN = Path(__file__).resolve().parent / "golden"
sys.path.insert(0, str(GOLDEN))

import answers  # noqa: E402
import facts  # noqa: E402
import make_data  # noqa: E402

KRETS = os.environ["KRETS"]
NOWS = [
    "2024-02-29T12:00:00Z",         # leap day
    "2024-03-31T12:00:00Z",         # a 31st, a Sunday, the day London's clocks go forward
    "2024-10-27T01:30:00Z",         # the second 01:30 of the night London's clocks go back
    "2024-12-31T09:30:00Z",         # no 31st one and three months before
    "2025-03-01T00:00:00Z",         # midnight, the day after the last of February
]
UTC = datetime.timezone.utc


def microsecond(value):
    """A time of the Parquet file is UTC, whether the column says so or not."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def same(expected, seen):
    if expected is None or seen is None:
        return expected is None and seen is None
    if isinstance(expected, answers.About):
        return math.isclose(seen, expected.value, rel_tol=expected.share, abs_tol=1e-9)
    if isinstance(expected, bool) or isinstance(seen, bool):
        return expected is seen
    if isinstance(expected, datetime.datetime):
        return isinstance(seen, datetime.datetime) and microsecond(seen) == expected
    if isinstance(expected, (datetime.date, str)):
        return type(seen) is type(expected) and seen == expected
    if isinstance(expected, float):
        return math.isclose(float(seen), expected, rel_tol=1e-12, abs_tol=0)
    return Decimal(repr(seen) if isinstance(seen, float) else seen) == expected


def rows(path):
    """{customer: {column: value}}; times are read as UTC without the zone of this machine."""
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    described = database.execute(f"describe select * from '{path}'").fetchall()
    columns = [f'"{name}"::timestamp as "{name}"' if "TIMESTAMP" in kind else f'"{name}"'
               for name, kind, *_ in described]
    table = database.execute(f"select {', '.join(columns)} from '{path}'")
    names = [column[0] for column in table.description]
    return {row[names.index("customer")]: dict(zip(names, row)) for row in table.fetchall()}


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """{now: what the program answered}, each from a project of its own; the last is verified."""
    found = {}
    for number, now in enumerate(NOWS):
        folder = tmp_path_factory.mktemp(f"golden{number}")
        for path in GOLDEN.glob("*.csv"):
            shutil.copy(path, folder)
        shutil.copy(GOLDEN / "model.yaml", folder / "krets.yaml")
        done = subprocess.run([KRETS, "run", "-C", str(folder), "--now", now], timeout=100,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found[now] = rows(folder / "out" / "customers.parquet")
    found["verify"] = subprocess.run([KRETS, "verify", "-C", str(folder)], timeout=100,
                                     capture_output=True, text=True, check=False)
    return found


@pytest.fixture(scope="session")
def everybody():
    """{now: [Customer]} by the plain reading of the same files."""
    people, vips = facts.load()
    found = {}
    for now in NOWS:
        seen = [facts.Customer(name, events, traits, facts.instant(now), vips)
                for name, (events, traits) in people.items()]
        found[now] = [c for c in seen if c.exists]
    return found


@pytest.mark.parametrize("now", NOWS)
def test_population(now, results, everybody):
    assert sorted(results[now]) == sorted(c.name for c in everybody[now])


def test_generated_sql_agrees(results):
    assert results["verify"].returncode == 0, results["verify"].stdout


def differences(name, answer, results, everybody, is_segment):
    for now in NOWS:
        for c in everybody[now]:
            expected = answer(c, everybody[now])
            seen = results[now][c.name][name]
            if is_segment:
                expected = bool(expected)
            if not same(expected, seen):
                expected = getattr(expected, "value", expected)
                yield f"at {now} {name} of {c.name}: expected {expected!r}, krets says {seen!r}"


def alone(answer):
    return lambda c, _: answer(c)


METRICS = {name: alone(answer) for name, answer in answers.METRICS.items()} | answers.POPULATION
SEGMENTS = {name: alone(answer) for name, answer in answers.SEGMENTS.items()} \
    | answers.POPULATION_SEGMENTS


@pytest.mark.parametrize("name", METRICS)
def test_metric(name, results, everybody):
    wrong = list(differences(name, METRICS[name], results, everybody, False))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", SEGMENTS)
def test_segment(name, results, everybody):
    wrong = list(differences(name, SEGMENTS[name], results, everybody, True))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", SEGMENTS)
def test_segment_tells_customers_apart(name, everybody):
    """A golden segment that nobody or everybody is in at all times would prove little."""
    seen = {bool(SEGMENTS[name](c, everybody[now])) for now in NOWS for c in everybody[now]}
    assert seen == {True, False}


def test_every_name_of_the_model_has_an_answer():
    text = (GOLDEN / "model.yaml").read_text(encoding="utf-8")
    metrics, segments = text.split("\nmetrics:\n")[1].split("\nsegments:\n")
    pattern = re.compile(r"^  (\w+):", re.M)
    assert sorted(pattern.findall(metrics)) == sorted(METRICS)
    assert sorted(pattern.findall(segments)) == sorted(SEGMENTS)


def test_committed_data_is_what_the_script_writes():
    for name, table in make_data.tables().items():
        written = (GOLDEN / name).read_text(encoding="utf-8")
        assert [row for row in make_data.csv.reader(written.splitlines())] == table
