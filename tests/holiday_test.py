"""The committed table of holidays is what the generator writes, and agrees with the reference."""

import csv
import datetime
import os
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import holiday_table  # noqa: E402

DATA = Path(os.environ.get("KRETS_TEST_DATA", ROOT / "../shared/data"))
REFERENCE = DATA.parent / "reference"

# Moon sightings: the reference follows a tabular rule, the source what was announced.
KNOWN_DIFFERENCES = {
    ("AE", "2025-06-26"): "Islamic New Year was announced for 27 June",
    ("KE", "2025-03-30"): "Eid al-Fitr was announced for 31 March",
}


@pytest.fixture(scope="module")
def places():
    return holiday_table.build()


def reference_rows(name):
    path = REFERENCE / name
    if not path.is_file():
        pytest.skip(f"{name} is not here: set KRETS_TEST_DATA")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_committed_table_is_what_the_generator_writes(places):
    committed = (ROOT / "src/data/holiday_table.inc").read_text(encoding="utf-8")
    assert holiday_table.write(places) == committed


def decode(text):
    """The obvious twin of src/data/holiday.c."""
    days = set()
    for part in filter(None, text.split(";")):
        if part.startswith("x"):
            day = holiday_table.EPOCH
            for step in part[1:].split(","):
                day += datetime.timedelta(days=int(step))
                days.add(day)
        else:
            first, last, kind, argument = re.match(r"(\d+)-(\d+)([deoa])(-?\d+)$", part).groups()
            for year in range(1990 + int(first), 1991 + int(last)):
                days.add(holiday_table.day_of(kind, int(argument), year))
    return days


def test_series_decode_to_what_was_encoded(places):
    different = {frozenset(days) for place in places.values() for pair in place.values()
                 for days in pair}  # fmt: skip
    for days in different:
        assert decode(holiday_table.encode(days)) == days


def test_reference_holidays(places):
    missing = set()
    for row in reference_rows("holidays_selected.csv"):
        country = row["country"]
        known = dict(places[country[:2]])
        known.update(places[country])
        folded = {holiday_table.fold(name): pair for name, pair in known.items()}
        day = datetime.date.fromisoformat(row["date"])
        names = [
            re.sub(r" \((observed|in lieu|estimated|additional holiday)\)$", "", name)
            for name in row["name_en"].split("; ")
        ]
        pairs = [folded.get(holiday_table.fold(name), ((), ())) for name in names]
        if not any(day in statutory or day in observed for statutory, observed in pairs):
            missing.add((country, row["date"]))
    assert missing == set(KNOWN_DIFFERENCES)


def test_reference_easter(places):
    for row in reference_rows("easter_dates.csv"):
        year = int(row["year"])
        if year in holiday_table.YEARS:
            western = datetime.date.fromisoformat(row["western_easter"])
            orthodox = datetime.date.fromisoformat(row["orthodox_easter"])
            assert western in places["US"]["Easter"][0]
            assert orthodox in places["GR"]["Easter"][0]
            monday = orthodox + datetime.timedelta(days=1)
            assert (monday in places["GR"]["Easter Monday"][0]) or (
                row["orthodox_monday_in_vacanza_GR"] != "1"
            )
