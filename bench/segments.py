#!/usr/bin/env python3
"""Segments at random over the shop of bench/events.py: as a model file, and as one shared query.

    bench/segments.py COUNT FILE [--seed N]      prints krets.yaml for events in FILE

`make(count, seed)` gives the segments. As in a shop that has grown, they share what they ask: 0.4
filters and 2 aggregates a segment, two or three aggregates in each. Windows are of exact length,
money is decimal, so that every engine must give the same answers. The SQL is what an expert of the
engine would write: one pass that computes each distinct aggregate once for each customer, then one
condition a segment over its row; a scan leaves out the events that no aggregate reads.
"""

import argparse
import random
from dataclasses import dataclass, field

from events import (CATEGORY_COUNT, CHANNELS, DAYS, END_US, GOODS, MONEY, PRODUCT_COUNT, TYPES,
                    category_names, zipf)

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY
UNITS = {"hours": HOUR, "days": DAY, "weeks": WEEK}
LAST = [(6, "hours"), (12, "hours"), (36, "hours"), (72, "hours"), (2, "days"), (3, "days"),
        (5, "days"), (10, "days"), (30, "days"), (45, "days"), (60, "days"), (90, "days"),
        (120, "days"), (180, "days"), (270, "days"), (365, "days"), (1, "weeks"), (2, "weeks"),
        (6, "weeks"), (8, "weeks"), (13, "weeks"), (26, "weeks"), (40, "weeks")]
BETWEEN = [(60, 30), (90, 30), (180, 90), (365, 180), (730, 365), (14, 7), (365, 270)]
NOW_S = END_US // 1_000_000
MEAN_AMOUNT = 45.0
RARE_SHARE = 0.001  # of all events; nobody segments by rarer ones


@dataclass(frozen=True)
class Window:
    """Event times in (now - start_s, now - end_s]; None: without that bound."""
    text: str = ""
    start_s: int | None = None
    end_s: int | None = None

    def length_days(self):
        start = DAYS * DAY if self.start_s is None else self.start_s
        return (start - (self.end_s or 0)) / DAY


@dataclass(frozen=True)
class Filter:
    """Events of the types for which all tests hold: (column, operator, values)."""
    events: tuple
    tests: tuple
    share: float

    def text(self):
        name = self.events[0] if len(self.events) == 1 else "(" + " or ".join(self.events) + ")"
        tests = []
        for column, operator, values in self.tests:
            if operator == "in" and len(values) == 1:
                tests.append(f"{column} = '{values[0]}'")
            elif operator == "in":
                tests.append(f"{column} in ({', '.join(repr(v) for v in values)})")
            elif operator == ">=":
                tests.append(f"{column} >= {values[0]}")
            else:
                tests.append(f"{column} between {values[0]} and {values[1]}")
        return name, " where " + " and ".join(tests) if tests else ""


@dataclass(frozen=True)
class Aggregate:
    """count, sum, distinct or last of the events of a filter in a window."""
    function: str
    filter: Filter
    window: Window
    value: str = ""

    def text(self, function=None):
        name, where = self.filter.text()
        value = "." + self.value if self.value else ""
        window = " " + self.window.text if self.window.text else ""
        return f"{function or self.function}({name}{value}{where}{window})"


@dataclass(frozen=True)
class Condition:
    """An aggregate compared: >=, <, between; of `last` the days since it: within, before."""
    aggregate: Aggregate
    operator: str
    values: tuple
    spelling: str = ""

    def text(self):
        if self.spelling:
            return self.aggregate.text(self.spelling)
        if self.aggregate.function == "last":
            sign = "<" if self.operator == "within" else ">"
            return f"days_since({self.aggregate.text()}) {sign} {self.values[0]}"
        if self.operator == "between":
            return f"{self.aggregate.text()} between {self.values[0]} and {self.values[1]}"
        return f"{self.aggregate.text()} {self.operator} {self.values[0]}"

    def holds_for_nobody(self):
        """Whether it is true for a customer without events of the filter."""
        if self.aggregate.function == "last":
            return False
        return {">=": 0 >= self.values[0], "<": 0 < self.values[0],
                "between": self.values[0] <= 0 <= self.values[-1]}[self.operator]


@dataclass(frozen=True)
class Tree:
    operator: str  # and, or, not
    items: tuple

    def text(self):
        if self.operator == "not":
            return f"not {bracket(self.items[0])}"
        return f" {self.operator} ".join(bracket(item) for item in self.items)

    def holds_for_nobody(self):
        held = [item.holds_for_nobody() for item in self.items]
        return {"and": all(held), "or": any(held), "not": not held[0]}[self.operator]


def bracket(item):
    is_open = isinstance(item, Tree) and item.operator != "not" or \
        isinstance(item, Condition) and item.operator == "between" and not item.spelling
    return f"({item.text()})" if is_open else item.text()


@dataclass
class Segments:
    items: list = field(default_factory=list)

    def aggregates(self):
        found = {}

        def visit(item):
            if isinstance(item, Condition):
                found.setdefault(item.aggregate)
            else:
                for part in item.items:
                    visit(part)

        for item in self.items:
            visit(item)
        return list(found)

    def events(self):
        return sorted({event for a in self.aggregates() for event in a.filter.events})

    def start_s(self):
        """The oldest event that any aggregate reads is after now minus this; None: no bound."""
        starts = [a.window.start_s for a in self.aggregates()]
        return None if None in starts else max(starts)


def random_window(source):
    kind = source.random()
    if kind < 0.10:
        return Window()
    if kind < 0.18:
        a, b = source.choice(BETWEEN)
        return Window(f"from {a} days ago to {b} days ago", a * DAY, b * DAY)
    if kind < 0.22:
        n = source.choice([90, 180, 365])
        return Window(f"more than {n} days ago", None, n * DAY)
    n, unit = source.choice(LAST)
    return Window(f"last {n} {unit}", n * UNITS[unit], None)


def random_filter(source):
    weights = zipf(len(TYPES))
    events = [source.choices(TYPES, [w ** 0.5 for w in weights])[0]]
    if source.random() < 0.3:
        events = ["order"]
    if source.random() < 0.12:
        events = source.sample(TYPES, 2)
    share = sum(weights[TYPES.index(event)] for event in events)
    tests = []
    if all(event in GOODS for event in events) and source.random() < 0.55:
        count = source.choice([1, 1, 2, 4])
        numbers = sorted(set(source.choices(range(CATEGORY_COUNT), zipf(CATEGORY_COUNT), k=count)))
        tests.append(("category", "in", tuple(category_names()[n] for n in numbers)))
        share *= sum(zipf(CATEGORY_COUNT)[n] for n in numbers)
    if source.random() < 0.35:
        numbers = sorted(source.sample(range(len(CHANNELS)), source.choice([1, 1, 2])))
        tests.append(("channel", "in", tuple(CHANNELS[n] for n in numbers)))
        share *= sum(zipf(len(CHANNELS))[n] for n in numbers)
    if all(event in MONEY for event in events) and source.random() < 0.4:
        low = source.choice([10, 20, 30, 50, 100])
        if source.random() < 0.4:
            tests.append(("amount", "between", (low, low + source.choice([20, 50, 99.5]))))
        else:
            tests.append(("amount", ">=", (low,)))
        share *= 30 / (30 + low)
    return Filter(tuple(events), tuple(tests), share)


def random_aggregate(source, chosen):
    functions = ["count"] * 55 + ["last"] * 15 + ["distinct"] * 15
    if all(event in MONEY for event in chosen.events):
        functions += ["sum"] * 35
    function = source.choice(functions)
    if function == "last":
        return Aggregate("last", chosen, Window())
    value = {"count": "", "sum": "amount", "distinct": "channel"}[function]
    if function == "distinct" and all(event in GOODS for event in chosen.events):
        value = source.choice(["product", "product", "category"])
    if any(column == value and operator == "in" for column, operator, _ in chosen.tests):
        return Aggregate("count", chosen, random_window(source))
    return Aggregate(function, chosen, random_window(source), value)


def random_condition(source, aggregate, events_a_customer):
    expected = events_a_customer / DAYS * aggregate.window.length_days() * aggregate.filter.share
    expected *= source.uniform(0.3, 3)
    if aggregate.function == "last":
        return Condition(aggregate, source.choice(["within", "before"]),
                         (source.choice([1, 3, 7, 14, 30, 45, 60, 90, 180, 270, 365]),))
    if aggregate.function == "count" and source.random() < 0.25:
        return source.choice([Condition(aggregate, ">=", (1,), "did"),
                              Condition(aggregate, "<", (1,), "never")])
    if aggregate.function == "sum":
        limit = 5 * max(2, round(MEAN_AMOUNT * expected / 5))
        if source.random() < 0.2:
            limit += 0.25
        return Condition(aggregate, source.choice([">=", ">=", ">=", "<"]), (limit,))
    most = {"product": PRODUCT_COUNT, "category": CATEGORY_COUNT, "channel": len(CHANNELS)}
    limit = min(max(1, round(expected)), most.get(aggregate.value, 1000))
    if source.random() < 0.15:
        return Condition(aggregate, "between", (limit, limit + source.choice([1, 2, 5])))
    if limit > 1 and source.random() < 0.2:
        return Condition(aggregate, "<", (limit,))
    return Condition(aggregate, ">=", (limit,))


def random_tree(source, conditions):
    def negated(item):
        is_null = item.aggregate.function == "last"  # null without an event: not is null, too
        return item if is_null or item.spelling else Tree("not", (item,))

    first, second, *more = conditions
    shape = source.random()
    if more:
        return source.choice([Tree("and", (Tree("or", (first, second)), more[0])),
                              Tree("or", (Tree("and", (first, second)), more[0])),
                              Tree("and", (first, second, negated(more[0])))])
    if shape < 0.6:
        return Tree("and", (first, second))
    if shape < 0.8:
        return Tree("and", (first, negated(second)))
    return Tree("or", (first, second))


def make_one():
    """The segment that everybody has: good customers of the last months."""
    window = Window("last 90 days", 90 * DAY, None)
    orders = Filter(("order",), (), zipf(len(TYPES))[TYPES.index("order")])
    return Segments([Tree("and", (
        Condition(Aggregate("sum", orders, window, "amount"), ">=", (50,)),
        Condition(Aggregate("count", orders, window), ">=", (2,))))])


def make(count, seed=11, events_a_customer=50):
    if count == 1:
        return make_one()
    source = random.Random(seed * 1_000_003 + count)
    filters = {}
    while len(filters) < round(0.4 * count):
        chosen = random_filter(source)
        if chosen.share >= RARE_SHARE:
            filters.setdefault(chosen)
    filters = list(filters)
    aggregates = {random_aggregate(source, chosen): None for chosen in filters}
    while len(aggregates) < 2 * count:
        aggregates.setdefault(random_aggregate(source, source.choice(filters)))
    aggregates = list(aggregates)
    source.shuffle(aggregates)
    items = {}
    for number in range(count):
        chosen = aggregates[2 * number:2 * number + 2]
        if source.random() < 0.25:
            chosen.append(source.choice([a for a in aggregates if a not in chosen]))
        source.shuffle(chosen)
        conditions = [random_condition(source, a, events_a_customer) for a in chosen]
        items[random_tree(source, conditions)] = None
    return Segments(list(items))


# --- the model file ---

def source_text(file):
    return (f'krets: 1\nname: Generated shop\ntimezone: UTC\ncurrency: EUR\n'
            f'now: 2026-01-01T00:00:00Z\nsources:\n  events:\n    file: "{file}"\n'
            f'    customer: customer\n    time: time\n    timezone: UTC\n'
            f'    event: {{ column: event }}\n')


def model(segments, file):
    lines = [source_text(file) + "segments:"]
    lines += [f'  s{number:04}: "{item.text()}"' for number, item in enumerate(segments.items)]
    return "\n".join(lines) + "\n"


# --- SQL ---

class Dialect:
    """How one engine says it. A table `events`: customer (number), time, the rest as it is."""

    def time(self, seconds_ago):
        raise NotImplementedError

    def aggregate(self, aggregate, mask):
        raise NotImplementedError

    def is_before(self, name, seconds_ago):
        """That the last time in column `name` is before."""
        return f"{name} < {self.time(seconds_ago)}"

    settings = ""

    def mask(self, aggregate):
        tests = [in_list("event", aggregate.filter.events)]
        for column, operator, values in aggregate.filter.tests:
            if operator == "in":
                tests.append(in_list(column, values))
            elif operator == ">=":
                tests.append(f"{column} >= {values[0]}")
            else:
                tests.append(f"{column} between {values[0]} and {values[1]}")
        if aggregate.window.start_s is not None:
            tests.append(f"time > {self.time(aggregate.window.start_s)}")
        if aggregate.window.end_s is not None:
            tests.append(f"time <= {self.time(aggregate.window.end_s)}")
        return " and ".join(tests)

    def condition(self, item, names):
        if isinstance(item, Tree):
            parts = [f"({self.condition(part, names)})" for part in item.items]
            return f"not {parts[0]}" if item.operator == "not" else f" {item.operator} ".join(parts)
        name = names[item.aggregate]
        if item.operator == "within":
            return f"{name} > {self.time(item.values[0] * DAY)}"
        if item.operator == "before":
            return self.is_before(name, item.values[0] * DAY)
        if item.operator == "between":
            return f"{name} between {item.values[0]} and {item.values[1]}"
        return f"{name} {item.operator} {item.values[0]}"

    def size(self, condition):
        raise NotImplementedError

    def query(self, segments):
        """Sizes among the customers that the scan finds, and their number as the last column."""
        names = {a: f"a{i}" for i, a in enumerate(segments.aggregates())}
        inner = ",\n  ".join(f"{self.aggregate(a, self.mask(a))} as {names[a]}" for a in names)
        sizes = ",\n  ".join(self.size(self.condition(item, names)) for item in segments.items)
        scan = []
        if len(segments.events()) < len(TYPES):
            scan.append(in_list("event", segments.events()))
        if segments.start_s() is not None:
            scan.append(f"time > {self.time(segments.start_s())}")
        where = f" where {' and '.join(scan)}" if scan else ""
        return (f"select\n  {sizes},\n  count(*)\nfrom (select customer,\n  {inner}\n"
                f"from events{where} group by customer){self.settings}")


def in_list(column, values):
    if len(values) == 1:
        return f"{column} = '{values[0]}'"
    return f"{column} in ({', '.join(repr(v) for v in values)})"


class ClickHouse(Dialect):
    settings = (" settings optimize_aggregation_in_order = 1, max_threads = {threads},"
                " max_query_size = 100000000, max_ast_elements = 10000000,"
                " max_expanded_ast_elements = 10000000")

    def time(self, seconds_ago):
        return f"toDateTime({NOW_S - seconds_ago}, 'UTC')"

    def aggregate(self, aggregate, mask):
        return {"count": f"countIf({mask})", "sum": f"sumIf(amount, {mask})",
                "distinct": f"uniqExactIf({aggregate.value}, {mask})",
                "last": f"maxIf(time, {mask})"}[aggregate.function]

    def is_before(self, name, seconds_ago):  # without an event maxIf gives 1970
        return f"({name} < {self.time(seconds_ago)} and {name} > toDateTime(0, 'UTC'))"

    def size(self, condition):
        return f"countIf({condition})"


class DuckDB(Dialect):
    def time(self, seconds_ago):
        return f"make_timestamp({(NOW_S - seconds_ago) * 1_000_000})"

    def aggregate(self, aggregate, mask):
        # several times faster than the filter clause
        value = f"case when {mask} then {aggregate.value or 'time'} end"
        return {"count": f"count_if({mask})", "sum": f"coalesce(sum({value}), 0)",
                "distinct": f"count(distinct {value})",
                "last": f"max({value})"}[aggregate.function]

    def size(self, condition):
        return f"count_if({condition})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("file")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    print(model(make(options.count, options.seed), options.file), end="")


if __name__ == "__main__":
    main()
