"""What out/report.html displays, in a browser, is what SQL counts in the source files.

KRETS is the program. The figures go to web/tests/facts.spec.ts by their names (web/README.md).
"""

import csv
import datetime
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parent.parent
KRETS = os.environ["KRETS"]
SEED = 20260314
NOW = "2026-01-15"

MODEL = f"""
krets: 1
name: Figures
timezone: UTC
currency: EUR
now: {NOW}
value: "sum(order.amount)"
sources:
  orders:
    file: orders.csv
    where: "who is not null"
    customer: who
    time: seen
    event: order
    properties: {{ amount: "cast(amount as decimal(18,4))", coupon: coupon }}
report: {{ cohort_event: order, cohort: month }}
metrics:
  recency: "days_since(last(order))"
  frequency: "count(order)"
  pace: "gap(order)"
segments:
  once: "count(order) = 1"
  big: "sum(order.amount) >= 200"
  lately: "did(order last 60 days)"
  thrifty: "count(order where coupon is not null) / count(order) > 0.4"
"""

# Every member's key, by what the model says, in plain SQL.
MEMBERS = {
    "once": "orders = 1",
    "big": "value >= 200",
    "lately": f"last_at > timestamp '{NOW}' - interval 60 day",
    "thrifty": "coupons / orders > 0.4",
}


def write_orders(path):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    start = datetime.datetime(2025, 1, 1)
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["who", "seen", "amount", "coupon"])
        for customer in range(400):
            at = start + datetime.timedelta(minutes=chance.randrange(360 * 1440))
            while at < datetime.datetime.fromisoformat(NOW):
                who = "" if chance.random() < 0.02 else f"c{customer}"
                amount = f"{chance.lognormvariate(3.3, 0.7):.2f}"
                rows.writerow([who, at, amount, "SPRING" if chance.random() < 0.3 else ""])
                if chance.random() < 0.45:
                    break
                at += datetime.timedelta(minutes=int(chance.expovariate(1 / 60) * 1440) + 1)


def one(sql, database):
    return database.execute(sql).fetchone()


def whole_facts(database):
    """Of a table orders(who, seen, amount, coupon): totals, concentration, cohorts."""
    customers, events, value = one(
        "select count(distinct who), count(*), sum(amount) from orders", database)
    facts = {"data-customers": customers, "data-events": events, "data-value": float(value)}
    for share in (1, 5, 10, 20, 50):
        best, all_value = one(f"""
            with one as (select sum(amount) as value from orders group by who),
                 ranked as (select value, row_number() over (order by value desc) as place from one)
            select sum(value) filter (place <= ceil({share} * (select count(*) from one) / 100.0)),
                   sum(value) from ranked""", database)
        facts[f"lorenz-{share}"] = round(float(best) / float(all_value), 6)
        facts[f"lorenz-{share}-value"] = float(best)
    for cohort, period, active in database.execute("""
            with one as (select who, min(seen) as first from orders group by who)
            select strftime(first, '%Y-%m'), date_diff('month', first, seen), count(distinct who)
            from orders join one using (who) group by 1, 2 order by 1, 2 limit 40""").fetchall():
        facts[f"cohort-{cohort}-{period}"] = active
    return facts


def segment_facts(database, members):
    facts = {}
    total, = one("select sum(value) from one", database)
    for key, condition in members.items():
        size, value, share = one(f"""
            select count(*), coalesce(sum(value), 0), count(*) / (select count(*) from one)
            from one where {condition}""", database)
        facts[f"segment-{key}-customers"] = size
        facts[f"segment-{key}-share"] = round(share, 6)
        facts[f"segment-{key}-value"] = float(value)
        facts[f"segment-{key}-value-share"] = round(float(value) / float(total), 6)
        facts[f"segment-{key}-mean"] = round(float(value) / size, 4)
    return facts


def make_customers(database, now):
    database.execute(f"""
        create table one as
        select who, count(*) as orders, sum(amount) as value, max(seen) as last_at,
               count(coupon) as coupons,
               date_diff('microsecond', max(seen), timestamp '{now}') / 86400e6 as recency
        from orders group by who""")


def rfm_facts(database):
    """Tiles by numpy's quantiles, as the language defines ntile()."""
    rows = database.execute("""
        select r, f, count(*), sum(value) from (
          select value,
            1 + (recency > r1)::int + (recency > r2)::int + (recency > r3)::int
              + (recency > r4)::int as r,
            1 + (orders > f1)::int + (orders > f2)::int + (orders > f3)::int
              + (orders > f4)::int as f
          from one, (select quantile_cont(recency, 0.2) as r1, quantile_cont(recency, 0.4) as r2,
                            quantile_cont(recency, 0.6) as r3, quantile_cont(recency, 0.8) as r4,
                            quantile_cont(orders::double, 0.2) as f1,
                            quantile_cont(orders::double, 0.4) as f2,
                            quantile_cont(orders::double, 0.6) as f3,
                            quantile_cont(orders::double, 0.8) as f4 from one))
        group by 1, 2""").fetchall()
    facts = {}
    for recency, frequency, customers, value in rows:
        facts[f"rfm-{recency}-{frequency}-customers"] = customers
        facts[f"rfm-{recency}-{frequency}-value"] = float(value)
    return facts


def assert_displayed(folder, facts):
    subprocess.run([KRETS, "run", "-C", folder], check=True, stdout=subprocess.DEVNULL)
    assert len(facts) >= 10
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    node = subprocess.run([ROOT / "tools/node", "node"], check=True, capture_output=True,
                          text=True).stdout.strip()
    environment = dict(os.environ, KRETS_REPORT=str(folder / "out/report.html"),
                       KRETS_FACTS=str(folder / "facts.json"),
                       PATH=f"{os.path.dirname(node)}:{os.environ['PATH']}")
    browser = subprocess.run([node, "tests/run.js", "facts"], cwd=ROOT / "web", env=environment,
                             capture_output=True, text=True, check=False)
    assert browser.returncode == 0, browser.stdout + browser.stderr
    assert browser.stdout.strip().endswith("1 passed, 0 failed")


@pytest.fixture(name="database")
def fixture_database():
    with duckdb.connect() as database:
        yield database


def test_small_shop(tmp_path, database):
    (tmp_path / "krets.yaml").write_text(MODEL, encoding="utf-8")
    write_orders(tmp_path / "orders.csv")
    database.execute(f"""
        create table source as
        from read_csv('{tmp_path}/orders.csv', nullstr = '', types = {{
          'who': 'VARCHAR', 'seen': 'TIMESTAMP', 'amount': 'DECIMAL(18,4)', 'coupon': 'VARCHAR'}})""")
    database.execute("create table orders as from source where who is not null")
    make_customers(database, NOW)
    facts = whole_facts(database) | segment_facts(database, MEMBERS) | rfm_facts(database)
    facts["source-orders-rows"], = one("select count(*) from source", database)
    facts["source-orders-events"] = facts["data-events"]
    facts["metric-pace-nulls"], = one("select count(*) from one where orders = 1", database)
    facts["overlap-big-lately"], = one(
        f"select count(*) from one where {MEMBERS['big']} and {MEMBERS['lately']}", database)
    assert_displayed(tmp_path, facts)


def test_cdnow(tmp_path, database):
    where = subprocess.run([ROOT / "tools/fetch", "--where"], check=True, capture_output=True,
                           text=True).stdout.strip()
    log = Path(where) / "cdnow/CDNOW_master.txt"
    shutil.copy(log, tmp_path)
    shutil.copy(ROOT / "examples/cdnow/krets.yaml", tmp_path)
    database.execute(f"""
        create table orders as
        select part[1] as who, strptime(part[2], '%Y%m%d') as seen, part[4]::decimal(18, 4) as amount,
               null::varchar as coupon
        from (select string_split_regex(trim(line), '\\s+') as part
              from read_csv('{log}', columns = {{'line': 'VARCHAR'}}, header = false, skip = 1,
                            delim = '|', quote = ''))""")
    make_customers(database, "1998-07-01")
    members = {"one_time": "orders = 1", "big_basket": "value / orders >= 60 and orders >= 2"}
    facts = whole_facts(database) | segment_facts(database, members)
    assert_displayed(tmp_path, facts)
