#!/usr/bin/env python3
"""Writes src/data/holiday_table.inc: holidays and shopping occasions by country, 1990 to 2060.

Usage: tools/holiday_table.py [OUTPUT]     (needs the packages of tools/requirements.txt)

The dates come from the package `holidays` (MIT). What a shop cares for and the package does not list
(Mother's Day, Black Friday, Advent ...) is computed by the rules below. The table is compact: names
and series of days are kept once, and a series is a list of rules where rules fit (see
src/data/holiday.c for their grammar) and of differences of days where none does.
"""

import datetime
import re
import sys
import warnings
from pathlib import Path

import holidays
from dateutil.easter import EASTER_ORTHODOX, easter
from holidays.calendars.chinese import _ChineseLunisolar
from holidays.calendars.hebrew import _HebrewLunisolar
from holidays.calendars.hindu import _HinduLunisolar
from holidays.calendars.islamic import _IslamicLunar

FIRST, LAST = 1990, 2060
YEARS = range(FIRST, LAST + 1)
ONE_DAY = datetime.timedelta(days=1)
EPOCH = datetime.date(FIRST, 1, 1)

COUNTRIES = """AE AR AT AU BE BG BR CA CH CN CO DE DK DZ EG ES ET FI FR GB GR HK ID IE IL IN IR IT JP
KE KR MA MX MY NG NL NO NZ PL PT RO SA SE SG TH TR TW UA US VN ZA""".split()
# Countries whose parts have holidays of their own that people know the country by.
DIVIDED = "AT AU CA CH DE ES GB NZ".split()
# Countries that kept their holidays although the source begins later.
EXTENDED = {"DE"}
# Where the parts disagree about a date, the country follows this one.
FOREMOST = {"GB": "ENG"}
# Categories that are no days of celebration.
LEFT_OUT = {"school"}

WITHOUT_CHRISTMAS = set("AE CN DZ IL IR MA SA TR".split())
ORTHODOX = set("BG ET GR RO UA EG".split())
ALIASES = {
    "Christmas Day": ["Christmas"],
    "Second Day of Christmas": ["Boxing Day"],
    "Boxing Day": ["Second Day of Christmas"],
    "New Year's Day": ["New Year"],
    "New Year's Eve": ["Saint Sylvester's Day"],
    "Easter Sunday": ["Easter", "Easter Day"],
    "Whit Sunday": ["Pentecost", "Whitsun"],
    "Whit Monday": ["Pentecost Monday"],
    "Midsummer Day": ["Midsummer"],
    "Midsummer Eve": ["Midsummer's Eve"],
    "Thanksgiving Day": ["Thanksgiving"],
    "Epiphany": ["Three Kings Day"],
    "Diwali": ["Deepavali"],
    "Eid al-Fitr": ["Eid ul-Fitr", "Eid"],
    "Eid al-Adha": ["Eid ul-Adha"],
    "Lunar New Year": ["Chinese New Year"],
    "Valentine's Day": ["Saint Valentine's Day"],
    "Martin Luther King Jr. Day": ["Birthday of Martin Luther King, Jr."],
    "Ohi Day": ["Ochi Day"],
    "Labor Day": ["Labour Day"],
}
BRITISH_ALIASES = {
    "Mother's Day": ["Mothering Sunday"],
    "May Day": ["Early May Bank Holiday"],
    "Spring Bank Holiday": ["Late May Bank Holiday"],
    "Late Summer Bank Holiday": ["Summer Bank Holiday", "August Bank Holiday"],
}


def nth(year, month, weekday, count):
    """The count-th weekday (1 = Monday) of a month; -1 the last one."""
    if count < 0:
        last = datetime.date(year + month // 12, month % 12 + 1, 1) - ONE_DAY
        return last - ONE_DAY * ((last.isoweekday() - weekday) % 7)
    first = datetime.date(year, month, 1)
    return first + ONE_DAY * ((weekday - first.isoweekday()) % 7 + 7 * (count - 1))


def fixed(month, day):
    return lambda year: datetime.date(year, month, day)


def weekday_rule(month, weekday, count):
    return lambda year: nth(year, month, weekday, count)


def from_easter(days):
    return lambda year: easter(year) + ONE_DAY * days


def french_mothers_day(year):
    """Last Sunday of May, or the first of June where that one is Whit Sunday."""
    day = nth(year, 5, 7, -1)
    return nth(year, 6, 7, 1) if day == easter(year) + ONE_DAY * 49 else day


SECOND_MAY = weekday_rule(5, 7, 2)
THIRD_JUNE = weekday_rule(6, 7, 3)
MOTHERS_DAY = {
    "AE": fixed(3, 21), "AR": weekday_rule(10, 7, 3), "BG": fixed(3, 8),
    "DZ": weekday_rule(5, 7, -1), "EG": fixed(3, 21), "ES": weekday_rule(5, 7, 1),
    "FR": french_mothers_day, "GB": from_easter(-21), "ID": fixed(12, 22),
    "IE": from_easter(-21), "KR": fixed(5, 8), "MA": weekday_rule(5, 7, -1),
    "MX": fixed(5, 10), "NG": from_easter(-21), "NO": weekday_rule(2, 7, 2),
    "PL": fixed(5, 26), "PT": weekday_rule(5, 7, 1), "RO": weekday_rule(5, 7, 1),
    "SA": fixed(3, 21), "SE": weekday_rule(5, 7, -1), "TH": fixed(8, 12),
    "VN": None, "IL": None, "IR": None, "ET": None,
}  # fmt: skip
FATHERS_DAY = {
    "AE": fixed(6, 21), "AT": weekday_rule(6, 7, 2), "AU": weekday_rule(9, 7, 1),
    "BE": weekday_rule(6, 7, 2), "BG": fixed(12, 26), "BR": weekday_rule(8, 7, 2),
    "CH": weekday_rule(6, 7, 1), "DE": from_easter(39), "DK": fixed(6, 5), "EG": fixed(6, 21),
    "ES": fixed(3, 19), "FI": weekday_rule(11, 7, 2), "ID": fixed(11, 12), "IT": fixed(3, 19),
    "KR": fixed(5, 8), "NO": weekday_rule(11, 7, 2), "NZ": weekday_rule(9, 7, 1),
    "PL": fixed(6, 23), "PT": fixed(3, 19), "RO": weekday_rule(5, 7, 2),
    "SE": weekday_rule(11, 7, 2), "TH": fixed(12, 5), "TW": fixed(8, 8),
    "VN": None, "IL": None, "IR": None, "ET": None, "DZ": None, "MA": None, "SA": None,
}  # fmt: skip
NORDIC_OF_LUCIA = {"SE", "NO", "DK", "FI"}


def advent(week):
    """Sundays before Christmas: week 1 is the fourth before it."""
    return lambda year: christmas_sunday(year) - 7 * (4 - week) * ONE_DAY


def christmas_sunday(year):
    eve = datetime.date(year, 12, 24)
    return eve - ONE_DAY * (eve.isoweekday() % 7)


def lunar(dates):
    """A rule from a method of the package that gives days, pairs (day, estimated) or many of them."""

    def days(year):
        found = dates(year)
        if isinstance(found, (datetime.date, tuple)):
            found = [found]
        return [day for item in found for day in (item if isinstance(item, tuple) else [item])
                if isinstance(day, datetime.date)]

    return days


def occasions(country):
    """Names and rules of what shops celebrate in a country."""
    islamic, hindu = _IslamicLunar(), _HinduLunisolar()
    chinese, hebrew = _ChineseLunisolar(), _HebrewLunisolar()
    valentine = fixed(6, 12) if country == "BR" else fixed(2, 14)
    black_friday = lambda year: nth(year, 11, 4, 4) + ONE_DAY  # noqa: E731
    rules = {
        "Black Friday": black_friday,
        "Cyber Monday": lambda year: black_friday(year) + 3 * ONE_DAY,
        "Singles' Day": fixed(11, 11),
        "New Year's Eve": fixed(12, 31),
        "Halloween": fixed(10, 31),
        "Mother's Day": MOTHERS_DAY.get(country, SECOND_MAY),
        "Father's Day": FATHERS_DAY.get(country, THIRD_JUNE),
        "Diwali": lunar(hindu.diwali_india_date),
        "Ramadan": lunar(islamic.ramadan_beginning_dates),
        "Eid al-Fitr": lunar(islamic.eid_al_fitr_dates),
        "Eid al-Adha": lunar(islamic.eid_al_adha_dates),
        "Lunar New Year": lunar(chinese.lunar_new_year_date),
        "Hanukkah": lunar(hebrew.hanukkah_date),
        "Rosh Hashanah": lunar(hebrew.rosh_hashanah_date),
    }
    if country not in ("IR", "SA"):
        rules["Valentine's Day"] = valentine
    if country not in WITHOUT_CHRISTMAS:
        method = EASTER_ORTHODOX if country in ORTHODOX else 3
        rules["Easter Sunday"] = lambda year: easter(year, method)
        rules["Good Friday"] = lambda year: easter(year, method) - 2 * ONE_DAY
        rules["Easter Monday"] = lambda year: easter(year, method) + ONE_DAY
        christmas = fixed(1, 7) if country in ("ET", "EG") else fixed(12, 25)
        rules["Christmas Day"] = christmas
        rules["Christmas Eve"] = lambda year: christmas(year) - ONE_DAY
        names = ["First", "Second", "Third", "Fourth"]
        for week, name in enumerate(names, 1):
            rules[f"{name} Sunday of Advent"] = advent(week)
        rules["Advent"] = advent(1)
    if country in NORDIC_OF_LUCIA:
        rules["Lucia"] = fixed(12, 13)
    return {name: rule for name, rule in rules.items() if rule}


def rule_days(rule):
    days = set()
    for year in YEARS:
        found = rule(year)
        days.update(found if isinstance(found, list) else [found])
    return {day for day in days if FIRST <= day.year <= LAST}


TAG = re.compile(
    r" \(((?:observed|estimated|in lieu|substituted from [^)]*|from \d+[ap]m|half-day closing"
    r"|additional holiday)(?:, [a-z ]+)?)\)$"
)


def read_source(country, part, observed, language):
    """{name: {day: is_moved}} and the names of each day in order."""
    kind = holidays.country_holidays(country).__class__
    categories = sorted(set(kind.supported_categories) - LEFT_OUT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = holidays.country_holidays(
            country, subdiv=part, years=YEARS, observed=observed, language=language,
            categories=categories,
        )  # fmt: skip
    found, by_day = {}, {}
    for day, text in sorted(source.items()):
        for name in text.split("; "):
            moved = tagged = False
            while match := TAG.search(name):
                moved |= "observed" in match.group(1) or "in lieu" in match.group(1)
                name, tagged = name[: match.start()], True
            name = name.strip()
            by_day.setdefault(day, []).append((name, tagged))
            if FIRST <= day.year <= LAST and name:
                found.setdefault(name, {})[day] = moved
    return found, by_day


def observed_days(statutory, shown):
    """The day each statutory day is taken on, given what the source shows as observed."""
    moved = {day for day, is_moved in shown.items() if is_moved}
    taken = set()
    for day in statutory:
        near = [m for m in moved if -10 * ONE_DAY <= m - day <= 10 * ONE_DAY]
        taken.add(min(near, key=lambda m: (abs(m - day), m)) if near else day)
        if not near and day not in shown:  # moved without a mark
            near = [m for m in shown if -7 * ONE_DAY <= m - day <= 7 * ONE_DAY]
            if near:
                taken.discard(day)
                taken.add(min(near, key=lambda m: (abs(m - day), m)))
    matched = {m for m in moved if any(abs(m - d) <= 10 * ONE_DAY for d in statutory)}
    return taken | (moved - matched)


def read_place(country, part=None):
    """{name: (statutory days, observed days)} under English and local names."""
    kind = holidays.country_holidays(country).__class__
    languages = kind.supported_languages
    english = "en_US" if "en_US" in languages else kind.default_language
    plain, plain_by_day = read_source(country, part, False, english)
    shown, _ = read_source(country, part, True, english)
    place = {}
    for name in sorted(set(plain) | set(shown)):
        statutory = set(plain.get(name, {})) or set(shown[name])
        place[name] = (statutory, observed_days(statutory, shown.get(name, {})))
    if kind.default_language and kind.default_language != english:
        add_local_names(place, country, part, kind.default_language, plain_by_day)
    return place


LOCAL_TAG = re.compile(r"\s*[(（][^()（）]*[)）]$")


def add_local_names(place, country, part, language, by_day):
    """A local name stands for the English name of the days on which each is alone."""
    _, local_by_day = read_source(country, part, False, language)
    pairs = {}
    for day, names in by_day.items():
        local = local_by_day.get(day, [])
        if len(local) != 1 or len(names) != 1:
            continue  # each language has its own order
        (english, tagged), (own, _) = names[0], local[0]
        own = LOCAL_TAG.sub("", own) if tagged else own
        if own and not re.search(r"\d{2}", own):  # no days off with a date in their name
            pairs.setdefault(own, set()).add(english)
    for own, english in sorted(pairs.items()):
        days = [place[name] for name in sorted(english) if name in place]
        if own not in place and days:
            place[own] = (set().union(*(d[0] for d in days)), set().union(*(d[1] for d in days)))


def share_parts(country, place, parts):
    """A country gets what its parts agree on, year by year, or what the foremost one has."""
    foremost = dict(parts.get(FOREMOST.get(country), {}))
    add_aliases(country, foremost)
    place.update({name: days for name, days in foremost.items() if name not in place})
    for name in sorted({name for days in parts.values() for name in days}):
        merged = []
        for index in (0, 1):
            agreed = set(place.get(name, (set(), set()))[index])
            missing = set(YEARS) - {day.year for day in agreed}
            for year in missing:
                variants = {
                    frozenset(d for d in part[name][index] if d.year == year)
                    for part in parts.values()
                    if name in part
                } - {frozenset()}
                if len(variants) == 1:
                    agreed |= next(iter(variants))
            merged.append(agreed)
        if merged[0]:
            place[name] = tuple(merged)


def extend_back(country, place):
    """A source that begins after 1990: what followed one rule from then on did so before."""
    begins = holidays.country_holidays(country).__class__.start_year
    if country not in EXTENDED or begins <= FIRST:
        return
    for name, pair in place.items():
        longer = []
        for days in pair:
            text = encode(frozenset(days))
            match = re.match(rf"{begins - FIRST}-(\d+)([deoa])(-?\d+)$", text)
            if match:
                rule = match.group(2), int(match.group(3))
                days = days | {day_of(*rule, year) for year in range(FIRST, begins)}
            longer.append(days)
        place[name] = tuple(longer)


def fold(name):
    """How names are compared: case, the kind of apostrophe, hyphens and "St" do not matter."""
    folded = name.replace("\u2019", "'").lower().replace("-", " ")
    return re.sub(r"^st\.? ", "saint ", folded)


def add_aliases(country, place):
    aliases = ALIASES | (BRITISH_ALIASES if country == "GB" else {})
    known = {fold(name): name for name in place}
    for name, others in aliases.items():
        for one, other in [(name, o) for o in others] + [(o, name) for o in others]:
            if fold(one) in known and fold(other) not in known:
                place[other] = place[known[fold(one)]]
                known[fold(other)] = other


def complete(country, place):
    """Adds the occasions that the source lacks, and other names for what is there."""
    known = {fold(name): name for name in place}
    for name, rule in occasions(country).items():
        if fold(name) not in known:
            days = rule_days(rule)
            if days:
                place[name] = (days, days)
                known[fold(name)] = name
    add_aliases(country, place)


# ---- encoding ----


def day_of(kind, argument, year):
    if kind == "d":
        try:
            return datetime.date(year, argument // 100, argument % 100)
        except ValueError:
            return None
    if kind == "e":
        return easter(year) + ONE_DAY * argument
    if kind == "o":
        return easter(year, EASTER_ORTHODOX) + ONE_DAY * argument
    month_day, weekday = divmod(argument, 10)
    first = day_of("d", month_day, year)
    return first and first + ONE_DAY * ((weekday - first.isoweekday()) % 7)


EASTERS = {year: (easter(year), easter(year, EASTER_ORTHODOX)) for year in YEARS}


def candidates(days):
    rules = set()
    counts = {}
    for day in days:
        month_day = day.month * 100 + day.day
        western, orthodox = EASTERS[day.year]
        for rule in (
            ("d", month_day),
            ("e", (day - western).days),
            ("o", (day - orthodox).days),
        ):
            counts[rule] = counts.get(rule, 0) + 1
        rules.add(("a", month_day * 10 + day.isoweekday()))  # on or after the date
    often = {rule for rule, count in counts.items() if count >= 3 and abs(rule[1]) < 1232}
    often = {r for r in often if r[0] == "d" or abs(r[1]) <= 70}
    weekdays = {r for r in rules if len(rules) <= 60}
    return sorted(often | weekdays)


def longest_run(rule, days, left):
    """(days newly covered, first year, last year) of the best run of years."""
    best, start, covered = (0, 0, 0), None, 0
    for year in [*YEARS, LAST + 1]:
        day = day_of(*rule, year) if year <= LAST else None
        if day in days:
            start = year if start is None else start
            covered += day in left
            last = year
        elif start is not None:
            best = max(best, (covered, start, last), key=lambda b: b[0])
            start, covered = None, 0
    return best


def encode(days):
    """The text of a series, see src/data/holiday.c."""
    left, segments = set(days), []
    while left:
        runs = [(longest_run(rule, days, left), rule) for rule in candidates(left)]
        if not runs:
            break
        (covered, first, last), (kind, argument) = max(
            runs, key=lambda r: (r[0][0], "adeo".index(r[1][0]))
        )
        if covered < 4:
            break
        segments.append(f"{first - FIRST}-{last - FIRST}{kind}{argument}")
        left -= {day_of(kind, argument, year) for year in range(first, last + 1)}
    if left:
        previous, steps = EPOCH, []
        for day in sorted(left):
            steps.append(str((day - previous).days))
            previous = day
        segments.append("x" + ",".join(steps))
    return ";".join(segments)


def c_text(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def c_strings(items):
    """Lines of C string literals, each at most 96 columns, one item a run of lines."""
    lines = []
    for item in items:
        pieces, rest = [], item
        while len(rest.encode()) > 90:
            cut = 90
            while len(rest[:cut].encode()) > 90:
                cut -= 1
            pieces.append(rest[:cut])
            rest = rest[cut:]
        pieces.append(rest)
        lines += [f"    {c_text(piece)}" for piece in pieces]
        lines[-1] += ","
    return lines


def wrap(items):
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > 99:
            lines.append(line)
            line = "   "
        line += f" {item},"
    return lines + [line]


def build():
    """{code: {name: (statutory, observed)}}: parts hold only what differs from their country."""
    places = {}
    for country in COUNTRIES:
        place = read_place(country)
        parts = {}
        if country in DIVIDED:
            for part in sorted(holidays.country_holidays(country).subdivisions):
                parts[part] = read_place(country, part)
            share_parts(country, place, parts)
        for one in [place, *parts.values()]:
            extend_back(country, one)
        complete(country, place)
        places[country] = place
        for part, own in parts.items():
            folded = {fold(name): days for name, days in place.items()}
            add_aliases(country, own)
            different = {n: d for n, d in own.items() if folded.get(fold(n)) != d}
            places[f"{country}-{part}"] = different
    return places


def write(places):
    names = sorted({name for place in places.values() for name in place})
    name_index = {name: i for i, name in enumerate(names)}
    series, series_index, texts = [], {}, {}

    def index_of(days):
        key = frozenset(days)
        if key not in texts:
            texts[key] = encode(key)
        if texts[key] not in series_index:
            series_index[texts[key]] = len(series)
            series.append(texts[key])
        return series_index[texts[key]]

    entries, rows = [], []
    for code in sorted(places):
        seen = set()
        first = len(entries)
        for name, (statutory, observed) in sorted(places[code].items()):
            if fold(name) in seen:
                continue
            seen.add(fold(name))
            entries.append((name_index[name], index_of(statutory), index_of(observed)))
        rows.append(f'{{"{code}", {first}, {len(entries) - first}}}')
    lines = [
        f"// Written by tools/holiday_table.py from holidays {holidays.__version__} (MIT); do not edit.",
        f"static const char *const holiday_names[{len(names)}] = {{",
        *c_strings(names),
        "};",
        f"static const char *const holiday_series[{len(series)}] = {{",
        *c_strings(series),
        "};",
        f"static const HolidayEntry holiday_entries[{len(entries)}] = {{",
        *wrap([f"{{{a}, {b}, {c}}}" for a, b, c in entries]),
        "};",
        f"static const HolidayPlace holiday_places[{len(rows)}] = {{",
        *wrap(rows),
        "};",
    ]
    return "\n".join(lines) + "\n"


def main():
    default = Path(__file__).resolve().parent.parent / "src/data/holiday_table.inc"
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    output.write_text(write(build()), encoding="utf-8")


if __name__ == "__main__":
    main()
