"""Customers of the golden data as plain Python values, and what the reference says about time.

Nothing here or in answers.py comes from the program: only from the language's reference.
"""

import calendar
import copy
import csv
import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HERE = Path(__file__).resolve().parent
UTC = datetime.timezone.utc
SHOP_ZONE = ZoneInfo("Europe/London")
MICROSECOND = datetime.timedelta(microseconds=1)
DAY = datetime.timedelta(days=1)
STEP = {
    "second": datetime.timedelta(seconds=1), "minute": datetime.timedelta(minutes=1),
    "hour": datetime.timedelta(hours=1), "day": DAY, "week": 7 * DAY,
}
MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass
class Event:
    kind: str
    t: datetime.datetime
    place: tuple            # arrival: source, row
    values: dict = field(default_factory=dict)

    def __getitem__(self, name):
        return self.values.get(name)

    @property
    def when(self):
        return self.t, self.place


def read(name):
    with open(HERE / name, encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            yield number, {key: value if value != "" else None for key, value in row.items()}


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def wall_clock(text, zone):
    """A gap shifts forward, an overlap takes the first: fold=0 does both."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zone, fold=0).astimezone(UTC)


def typed(row, types):
    return {name: None if row[name] is None else make(row[name]) for name, make in types.items()}


def truth(text):
    return text == "true"


ORDER_TYPES = {"amount": Decimal, "quantity": int, "rating": float, "gift": truth,
               "due": datetime.date.fromisoformat, "coupon": str, "product": str}
TRAIT_TYPES = {"timezone": str, "country": str, "birth_date": datetime.date.fromisoformat,
               "city": str, "lat": float, "lon": float, "points": int, "newsletter": truth,
               "interests": lambda text: text.split(";")}
BEGINNING = datetime.datetime.min.replace(tzinfo=UTC)


def load():
    """{customer: (events, [(time, trait, value)])}."""
    people = {}

    def person(name):
        return people.setdefault(name, ([], []))

    for number, row in read("orders.csv"):
        person(row["CustomerID"])[0].append(
            Event("order", instant(row["at"]), (0, number), typed(row, ORDER_TYPES)))
    for number, row in read("web.csv"):
        person(row["customer"])[0].append(
            Event(row["event"], instant(row["at"]), (1, number),
                  {"path": row["path"], "product": row["product"]}))
    for number, row in read("visits.csv"):
        person(row["customer"])[0].append(
            Event("visit", wall_clock(row["local"], SHOP_ZONE), (2, number)))
    for number, row in read("crm.csv"):
        for name, value in typed(row, TRAIT_TYPES).items():
            person(row["customer"])[1].append((BEGINNING, name, value))
    for number, row in read("moves.csv"):
        for name in ("city", "timezone"):
            person(row["customer"])[1].append((instant(row["moved_at"]), name, row[name]))
    with open(HERE / "vips.csv", encoding="utf-8") as file:
        vips = {line.strip() for line in file if line.strip()}
    return people, vips


class Customer:
    """One customer as seen at `now`."""

    def __init__(self, name, events, traits, now, vips):
        self.name = name
        self.now = now
        self.whole = events, traits, vips       # also what is still to come
        self.events = sorted((e for e in events if e.t <= now), key=lambda e: e.when)
        self.traits = {}
        known = sorted((t for t in traits if t[0] <= now and t[2] is not None), key=lambda t: t[0])
        self.history = known            # (time, trait, value), none of them null
        for _, trait, value in known:
            self.traits[trait] = value
        timeless = any(t[0] == BEGINNING for t in traits)
        self.exists = bool(self.events) or timeless or any(t[0] <= now for t in traits)
        self.vip = name in vips
        self.zone = SHOP_ZONE
        if "timezone" in self.traits:
            try:
                self.zone = ZoneInfo(self.traits["timezone"])
            except ZoneInfoNotFoundError:
                pass

    def only(self, events):
        """The same customer with no other events."""
        other = copy.copy(self)
        other.events = events
        return other

    # --- events ---------------------------------------------------------------------------------

    def of(self, *kinds):
        return [e for e in self.events if e.kind in kinds]

    @property
    def orders(self):
        return self.of("order")

    @property
    def any(self):
        return [e for e in self.events if not e.kind.startswith("krets.")]

    def seen_at(self, t):
        return Customer(self.name, self.whole[0], self.whole[1], t, self.whole[2])

    def turns(self, member, *lengths):
        """(instant, whether in) of each change of a segment, up to now.

        `lengths`: after how long without an event it may change.
        """
        times = [e.t for e in self.events] + [t for t, _, _ in self.history if t > BEGINNING]
        instants = {t + span for t in times for span in (datetime.timedelta(0), *lengths)}
        for t in sorted(t for t in instants if t <= self.now):
            before, after = self.seen_at(t - MICROSECOND), self.seen_at(t)
            if (before.exists and member(before)) != (after.exists and member(after)):
                yield t, after.exists and member(after)

    def trait(self, name):
        return self.traits.get(name)

    def trait_at(self, name, t):
        """The latest value stated up to t; null where t is."""
        stated = [value for at, trait, value in self.history if trait == name and t and at <= t]
        return stated[-1] if stated else None

    def changes(self, name):
        """(time, value before, value after) of each change; the beginning is none."""
        before = None
        for t, trait, value in self.history:
            if trait == name:
                if value != before and t > BEGINNING:
                    yield t, before, value
                before = value

    # --- time -----------------------------------------------------------------------------------

    def local(self, t):
        return t.astimezone(self.zone)

    def midnight(self, date):
        return datetime.datetime(date.year, date.month, date.day, tzinfo=self.zone).astimezone(UTC)

    @property
    def today(self):
        return self.local(self.now).date()

    def back(self, number, unit):
        """The exclusive start of `last number unit`."""
        if unit in STEP:
            return self.now - number * STEP[unit]
        index = self.today.year * 12 + self.today.month - 1 - number * MONTHS[unit]
        year, month = index // 12, index % 12 + 1
        try:
            day = datetime.date(year, month, self.today.day)
        except ValueError:
            following = datetime.date(year + month // 12, month % 12 + 1, 1)
            return self.midnight(following) - MICROSECOND
        return min(self.midnight(day) + (self.now - self.midnight(self.today)),
                   self.midnight(day + DAY) - MICROSECOND)

    def period(self, unit, back=0):
        """First local date of the period that holds today, or of one `back` periods before."""
        if unit == "day":
            return self.today - back * DAY
        if unit == "week":
            return self.today - datetime.timedelta(days=self.today.weekday() + 7 * back)
        size = MONTHS[unit]
        index = (self.today.year * 12 + self.today.month - 1) // size * size - back * size
        return datetime.date(index // 12, index % 12 + 1, 1)

    def later(self, t, number, unit):
        """number units after t: months and longer by the local clock, the day clamped."""
        if unit in STEP:
            return t + number * STEP[unit]
        local = self.local(t).replace(tzinfo=None)
        index = local.year * 12 + local.month - 1 + number * MONTHS[unit]
        year, month = index // 12, index % 12 + 1
        last = calendar.monthrange(year, month)[1]
        moved = local.replace(year=year, month=month, day=min(local.day, last))
        return moved.replace(tzinfo=self.zone, fold=0).astimezone(UTC)

    # --- windows --------------------------------------------------------------------------------

    def last(self, events, number, unit):
        start = self.back(number, unit)
        return [e for e in events if start < e.t <= self.now]

    def ago(self, events, far, near):
        start, end = self.back(*far), self.back(*near)
        return [e for e in events if start < e.t <= end]

    def older(self, events, number, unit):
        return [e for e in events if e.t <= self.back(number, unit)]

    def between(self, events, start, end):
        return [e for e in events if start <= e.t < end]

    def this(self, events, unit):
        return [e for e in events if self.midnight(self.period(unit)) <= e.t]

    def previous(self, events, unit, number=1):
        return self.between(events, self.midnight(self.period(unit, number)),
                            self.midnight(self.period(unit)))


def shop_time(text):
    """A literal without an offset is in the model's zone."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=SHOP_ZONE).astimezone(UTC)
