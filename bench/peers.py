#!/usr/bin/env python3
"""One peer at work on the generated events, in a process of its own:

    bench/peers.py ENGINE FILES SCRATCH [--counts 1,10,100,1000] [--threads 2] [--memory MIB] [--runs 3]

Loads the events into the engine's own table sorted by customer and time, with text as dictionary
codes, then answers the segments of bench/segments.py for each count: once to warm, then timed. A
query whose first run takes over a minute is timed once more only, and over half of --limit not again.
ClickHouse also answers the same query over no rows, which shows what planning takes of it. Prints a line of JSON for the load and one for each count; the caller stops what takes too long.
"""

import argparse
import glob
import json
import os
import resource
import statistics
import sys
import time

from events import CHANNELS, END_US, MONEY, PRODUCT_COUNT, TYPES, category_names
from segments import DAY, ClickHouse, Condition, DuckDB, Tree, make

LONG_S = 60


def products():
    return [f"product {i:04}" for i in range(PRODUCT_COUNT)]


def quoted(values):
    return ", ".join(f"'{value}'" for value in values)


class Peer:
    """What is the same for all; each has version, load(), prepare() and answer()."""

    def plan_seconds(self, query):
        return None


class ChdbPeer(Peer):

    def __init__(self, options):
        from chdb import session
        import chdb
        self.threads = options.threads
        self.version = chdb.engine_version if isinstance(chdb.engine_version, str) else ""
        self.session = session.Session(os.path.join(options.scratch, "clickhouse"))
        self.run(f"set max_threads = {options.threads}")

    def run(self, sql):
        return self.session.query(sql, "TabSeparated").bytes().decode()

    def load(self, options):
        def enum(values, start):
            return ", ".join(f"'{v}' = {i}" for i, v in enumerate(values, start))

        self.run("create database if not exists bench engine = Atomic")
        self.run("drop table if exists bench.events")
        self.run(f"create table bench.events (customer UInt32, time DateTime('UTC'),"
                 f" event Enum8({enum(TYPES, 1)}), amount Decimal(18, 4),"
                 f" category Enum8({enum([''] + category_names(), 0)}),"
                 f" channel Enum8({enum(CHANNELS, 1)}),"
                 f" product Enum16({enum([''] + products(), 0)}))"
                 f" engine = MergeTree order by (customer, time)")
        for file in sorted(glob.glob(options.files)):
            self.run(f"insert into bench.events select toUInt32(substring(customer, 2)), time,"
                     f" event, ifNull(amount, 0), ifNull(category, ''), channel,"
                     f" ifNull(product, '') from file('{file}', Parquet)")
        self.run("optimize table bench.events final")
        self.customers = int(self.run("select uniqExact(customer) from bench.events"))

    def plan_seconds(self, query):
        self.run("create table if not exists bench.nothing as bench.events")
        began = time.monotonic()
        self.run(query.replace("bench.events", "bench.nothing"))
        return time.monotonic() - began

    def prepare(self, segments):
        sql = ClickHouse().query(segments).replace("{threads}", str(self.threads))
        return sql.replace("from events", "from bench.events")

    def answer(self, query):
        return [int(n) for n in self.run(query).split()]


class DuckDBPeer(Peer):

    def __init__(self, options):
        import duckdb
        self.version = duckdb.__version__
        self.db = duckdb.connect(os.path.join(options.scratch, "peer.duckdb"))
        self.db.execute(f"set threads = {options.threads}")
        self.db.execute(f"set memory_limit = '{options.memory}MB'")
        self.db.execute(f"set temp_directory = '{options.scratch}/spill'")

    def load(self, options):
        for name, values in (("event_name", TYPES), ("category_name", category_names()),
                             ("channel_name", CHANNELS), ("product_name", products())):
            self.db.execute(f"create type {name} as enum ({quoted(values)})")
        self.db.execute(f"create table events as select substring(customer, 2)::uinteger as customer,"
                        f" time, event::event_name as event, amount,"
                        f" category::category_name as category, channel::channel_name as channel,"
                        f" product::product_name as product from '{options.files}'"
                        f" order by customer, time")
        self.db.execute("checkpoint")
        self.customers = self.db.execute("select count(distinct customer) from events").fetchone()[0]

    def prepare(self, segments):
        return DuckDB().query(segments)

    def answer(self, query):
        return list(self.db.execute(query).fetchone())


class PolarsPeer(Peer):

    def __init__(self, options):
        os.environ["POLARS_MAX_THREADS"] = str(options.threads)
        import polars
        self.pl = polars
        self.version = polars.__version__

    def load(self, options):
        pl = self.pl
        self.events = (
            pl.scan_parquet(options.files)
            .with_columns(pl.col("customer").str.slice(1).cast(pl.UInt32),
                          pl.col("event").cast(pl.Enum(TYPES)),
                          pl.col("category").cast(pl.Enum(category_names())),
                          pl.col("channel").cast(pl.Enum(CHANNELS)),
                          pl.col("product").cast(pl.Enum(products())))
            .sort("customer", "time").collect(engine="streaming").rechunk()
            .with_columns(pl.col("customer").set_sorted()))
        self.customers = self.events["customer"].n_unique()

    def time(self, seconds_ago):
        pl = self.pl
        return pl.lit(END_US - seconds_ago * 1_000_000).cast(self.events.schema["time"])

    def is_in(self, column, values):
        if len(values) == 1:
            return self.pl.col(column) == values[0]
        return self.pl.any_horizontal(*[self.pl.col(column) == value for value in values])

    def mask(self, aggregate):
        col = self.pl.col
        tests = [self.is_in("event", aggregate.filter.events)]
        for column, operator, values in aggregate.filter.tests:
            if operator == "in":
                tests.append(self.is_in(column, values))
            elif operator == ">=":
                tests.append(col(column) >= values[0])
            else:
                tests.append(col(column).is_between(*values))
        if aggregate.window.start_s is not None:
            tests.append(col("time") > self.time(aggregate.window.start_s))
        if aggregate.window.end_s is not None:
            tests.append(col("time") <= self.time(aggregate.window.end_s))
        mask = tests[0]
        for test in tests[1:]:
            mask = mask & test
        return mask

    def aggregate(self, aggregate):
        pl = self.pl
        mask = self.mask(aggregate)
        if aggregate.function == "count":
            return mask.sum()
        if aggregate.function == "sum":
            return pl.when(mask).then(pl.col("amount")).sum()
        if aggregate.function == "last":
            return pl.when(mask).then(pl.col("time")).max()
        return pl.when(mask).then(pl.col(aggregate.value)).drop_nulls().n_unique()

    def condition(self, item, names):
        if isinstance(item, Tree):
            parts = [self.condition(part, names) for part in item.items]
            if item.operator == "not":
                return ~parts[0]
            result = parts[0]
            for part in parts[1:]:
                result = result & part if item.operator == "and" else result | part
            return result
        assert isinstance(item, Condition)
        column, values = self.pl.col(names[item.aggregate]), item.values
        return {"within": lambda: column > self.time(values[0] * DAY),
                "before": lambda: column < self.time(values[0] * DAY),
                "between": lambda: column.is_between(*values),
                ">=": lambda: column >= values[0],
                "<": lambda: column < values[0]}[item.operator]()

    def prepare(self, segments):
        pl = self.pl
        names = {a: f"a{i}" for i, a in enumerate(segments.aggregates())}
        scan = self.events.lazy()
        if len(segments.events()) < len(TYPES):
            scan = scan.filter(self.is_in("event", segments.events()))
        if segments.start_s() is not None:
            scan = scan.filter(pl.col("time") > self.time(segments.start_s()))
        return (scan.group_by("customer")
                .agg(*[self.aggregate(a).alias(names[a]) for a in names])
                .select(*[self.condition(item, names).sum().alias(f"s{i}")
                          for i, item in enumerate(segments.items)], pl.len().alias("groups")))

    def answer(self, query):
        return list(query.collect(engine="streaming").row(0))


PEERS = {"clickhouse": ChdbPeer, "duckdb": DuckDBPeer, "polars": PolarsPeer}


def sizes(row, segments, customers):
    """Customers without a row in the scan are members where a segment holds for nobody's events."""
    *found, groups = row
    return [size + (customers - groups) * item.holds_for_nobody()
            for size, item in zip(found, segments.items, strict=True)]


def measure(peer, segments, runs, limit_s):
    query = peer.prepare(segments)
    times = []
    row = None
    while True:
        began = time.monotonic()
        row = peer.answer(query)
        times.append(time.monotonic() - began)
        timed = len(times) - 1
        if times[0] > limit_s / 2 or timed and times[0] > LONG_S or timed >= runs:
            break
    timed = times[1:] or times
    return {"seconds": statistics.median(timed), "times": timed, "first": times[0],
            "plan_s": peer.plan_seconds(query) if sum(times) < limit_s else None,
            "sizes": sizes(row, segments, peer.customers)}


def show(**line):
    line["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=list(PEERS))
    parser.add_argument("files")
    parser.add_argument("scratch")
    parser.add_argument("--counts", default="1,10,100,1000")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int, default=12000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    os.makedirs(options.scratch, exist_ok=True)
    peer = PEERS[options.engine](options)
    began = time.monotonic()
    peer.load(options)
    show(version=peer.version, load_s=time.monotonic() - began, customers=peer.customers)
    for count in [int(n) for n in options.counts.split(",")]:
        segments = make(count, options.seed)
        show(count=count, **measure(peer, segments, options.runs, options.limit))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
