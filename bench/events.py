#!/usr/bin/env python3
"""A generated shop: events of customers as Parquet files, the same for the same seed.

    bench/events.py FOLDER [--rows N] [--customers N] [--types N] [--seed N] [--resolution s|ms]

What is real about it: customers, event types, categories, products and channels follow Zipf's law;
events come in sessions of 1 to 19, seconds to minutes apart; days follow the week, the year (with a
peak before Christmas) and growth over two years; hours follow the day; a product has one category;
a customer has a favourite channel; amounts are log-normal, in cents, on the types that have money.
Every customer has at least one session. All else is independent: numbers come from the high bits of
a hash of (row, purpose, seed), as its low bits are correlated.
"""

import argparse
import math
import os
import random

import duckdb

END = "2026-01-01 00:00:00"  # no event is later
END_US = 1_767_225_600_000_000
DAYS = 730
TYPES = ["page_view", "product_view", "search", "add_to_cart", "order", "email_opened", "login",
         "push_received", "checkout", "email_clicked", "wishlist_add", "remove_from_cart",
         "coupon_applied", "review", "share", "refund", "support", "subscribe", "return_sent",
         "store_visit"]
MONEY = ["order", "checkout", "refund", "subscribe"]
GOODS = ["product_view", "add_to_cart", "order", "checkout", "wishlist_add", "remove_from_cart",
         "review", "refund", "return_sent"]
CHANNELS = ["web", "app", "email", "shop", "phone", "partner"]
CATEGORY_COUNT = 50
PRODUCT_COUNT = 5000
CUSTOMER_EXPONENT = 0.8
SLOT_COUNT = 65536
PART_ROWS = 10_000_000
SESSION_SIZES = [1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11, 14, 19]  # 100 events in 16 sessions
VARIANTS = 64


def type_names(count):
    return [TYPES[i] if i < len(TYPES) else f"custom_{i}" for i in range(count)]


def category_names():
    return [f"category {i:02}" for i in range(CATEGORY_COUNT)]


def zipf(count, exponent=1.0):
    weights = [(i + 1) ** -exponent for i in range(count)]
    total = sum(weights)
    return [weight / total for weight in weights]


def slots(weights, count=SLOT_COUNT):
    """A table of `count` places, each number on as many of them as its weight asks for."""
    total = sum(weights)
    table, reached = [], 0.0
    for number, weight in enumerate(weights):
        reached += weight / total * count
        table += [number] * (round(reached) - len(table))
    return table


def day_weights():
    weights = []
    for day in range(DAYS):
        of_year = day % 365
        season = 1 + 0.15 * math.cos(2 * math.pi * (of_year - 340) / 365)
        season += 0.9 if 325 <= of_year <= 357 else 0
        week = [1.1, 1.0, 1.0, 1.05, 1.15, 0.85, 0.8][day % 7]
        weights.append(season * week * (1 + 0.5 * day / DAYS))
    return weights


HOURS = [1, 0.6, 0.4, 0.3, 0.3, 0.6, 1.5, 3, 4, 4.5, 5, 5.5, 6.5, 6, 5, 5, 5, 5.5, 6.5, 8, 9, 8, 5, 2.5]


def create_tables(db, seed, types):
    def table(name, numbers):
        db.execute(f"create table {name} as select unnest(range({len(numbers)})) as slot,"
                   f" unnest($1::integer[]) as number", [numbers])

    source = random.Random(seed)
    table("type_slots", slots(zipf(len(types))))
    table("channel_slots", slots(zipf(len(CHANNELS))))
    table("day_slots", slots(day_weights()))
    table("hour_slots", slots(HOURS))
    table("product_slots", slots(zipf(PRODUCT_COUNT, 0.9)))
    table("product_category", source.choices(range(CATEGORY_COUNT), zipf(CATEGORY_COUNT), k=PRODUCT_COUNT))
    rows = []
    for variant in range(VARIANTS):
        sizes = SESSION_SIZES[:]
        source.shuffle(sizes)
        place = 0
        for session, size in enumerate(sizes):
            for k in range(size):
                rows.append((variant * 100 + place, session, k))
                place += 1
    db.execute("create table session_slots as select unnest($1::integer[]) as slot,"
               " unnest($2::integer[]) as session, unnest($3::integer[]) as k",
               [list(column) for column in zip(*rows)])


def names(values):
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def select(options, first, end):
    """SQL of the events [first, end)."""
    types = type_names(options.types)
    seed = options.seed
    customers = options.customers
    multiplier = 7_368_787
    while math.gcd(multiplier, customers) != 1:
        multiplier += 2
    power = 1 / (1 - CUSTOMER_EXPONENT)
    span = (customers + 1) ** (1 - CUSTOMER_EXPONENT) - 1
    unit = {"s": 1_000_000, "ms": 1000}[options.resolution]

    def slot(key, purpose):
        return f"((hash({key}, {purpose}, {seed}) >> 40) % {SLOT_COUNT})::integer"

    def share(key, purpose):
        return f"((hash({key}, {purpose}, {seed}) >> 20)::double / {2 ** 44})"

    def is_of(kind):
        return f"list_contains({names([t for t in kind if t in types])}, event)"

    return f"""
with rows as (
    select i, (i // 100) * {len(SESSION_SIZES)} + s.session as session, s.k
    from range({first}, {end}) t(i)
    join session_slots s on s.slot = ((hash(i // 100, 1, {seed}) >> 40) % {VARIANTS} * 100 + i % 100)),
placed as (
    select *, case when session < {customers} then session
              else least(floor(pow({span!r} * {share('session', 2)} + 1, {power!r}))::bigint,
                         {customers}) - 1 end as rank,
        {slot('session', 3)} as day_slot, {slot('session', 4)} as hour_slot,
        {slot('i', 5)} as type_slot, {slot('i', 6)} as product_slot,
        8 + 172 * {share('session', 7)} as gap_s
    from rows),
joined as (
    select i, (rank * {multiplier} + 12345) % {customers} as customer,
        d.number * 86400.0 + h.number * 3600 + 3600 * {share('session', 8)}
            + (k + 0.9 * {share('i', 9)}) * gap_s as second,
        {names(types)}[t.number + 1] as event, p.number as product, c.number as category
    from placed join day_slots d on d.slot = day_slot join hour_slots h on h.slot = hour_slot
    join type_slots t on t.slot = type_slot join product_slots p on p.slot = product_slot
    join product_category c on c.slot = p.number),
chosen as (
    select *, case when {share('i', 10)} < 0.6 then {slot('customer', 11)} else {slot('i', 12)} end
        as channel_slot
    from joined)
select 'c' || lpad(customer::varchar, 8, '0') as customer,
    make_timestamp({END_US - (DAYS * 86400 + 3600) * 1_000_000} + (second * {1_000_000 // unit})::bigint * {unit})
        as time,
    event,
    case when {is_of(MONEY)} then
        least(greatest(round(exp(3.4 + 0.9 * sqrt(-2 * ln(1 - {share('i', 13)}))
            * cos(6.283185307179586 * {share('i', 14)})), 2), 1), 20000)::decimal(18,4) end as amount,
    case when {is_of(GOODS)} then {names(category_names())}[category + 1] end as category,
    {names(CHANNELS)}[n.number + 1] as channel,
    case when {is_of(GOODS)} then 'product ' || lpad(product::varchar, 4, '0') end as product
from chosen join channel_slots n on n.slot = channel_slot"""


def generate(options):
    os.makedirs(options.folder, exist_ok=True)
    db = duckdb.connect()
    db.execute(f"set threads = {options.threads}")
    db.execute("set memory_limit = '4GB'")
    create_tables(db, options.seed, type_names(options.types))
    for part, first in enumerate(range(0, options.rows, PART_ROWS)):
        file = os.path.join(options.folder, f"events-{part:03}.parquet")
        end = min(first + PART_ROWS, options.rows)
        db.execute(f"copy ({select(options, first, end)}) to '{file}.new' (format parquet)")
        os.rename(file + ".new", file)
    return os.path.join(options.folder, "events-*.parquet")


def parser():
    result = argparse.ArgumentParser()
    result.add_argument("folder")
    result.add_argument("--rows", type=int, default=50_000_000)
    result.add_argument("--customers", type=int, default=1_000_000)
    result.add_argument("--types", type=int, default=20)
    result.add_argument("--seed", type=int, default=7)
    result.add_argument("--threads", type=int, default=2)
    result.add_argument("--resolution", choices=["s", "ms"], default="s")
    return result


if __name__ == "__main__":
    print(generate(parser().parse_args()))
