"""Answers over time: changes, since and until, the next flip, as of past instants.

The answers are worked out by hand from a few events, to the microsecond."""

import csv
import datetime
import io
import json
import os
import random
import subprocess

import pytest

KRETS = os.environ["KRETS"]
MODEL = """krets: 1
name: Time
timezone: Europe/Stockholm
currency: SEK
now: 2024-04-10
value: "sum(order.amount)"
sources:
  orders: { file: orders.csv, customer: who, time: at, event: order }
  visits: { file: visits.csv, customer: who, time: at, event: visit }
  people: { file: people.csv, kind: traits, customer: who }
metrics:
  orders: "count(order)"
  recent: "count(order last 30 days)"
segments:
  fresh: { name: Fresh customers, when: "did(order last 10 days)" }
  late: "days_since(last(order)) > 10"
  twice: "recent >= 2"
  this_month: "did(order this month)"
  grown: "age(born) >= 18"
  best: "ntile(orders, 2) = 2"
  seen: "did(visit last 7 days) and orders >= 1"
  quiet: "never(visit)"
  good: "segment(fresh) and orders >= 2"
"""
ORDERS = """who,at,amount
anna,2024-03-01T10:00:00.000001Z,60.50
anna,2024-03-20T12:30:00Z,39.50
bo,2024-03-05T08:00:00Z,5
"çelik, z.",2024-03-25T22:59:59.999999Z,7.25
dag,2024-05-01T06:00:00Z,9
"""
VISITS = """who,at
anna,2024-03-02T00:00:00Z
eva,2024-03-31T00:30:00Z
"""
PEOPLE = """who,born
bo,2006-03-31
"""


def krets(*arguments, code=0):
    done = subprocess.run([KRETS, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def rows(*arguments):
    """The rows of CSV on standard output, with its header."""
    return list(csv.reader(io.StringIO(krets(*arguments).stdout)))


def project(folder, model=MODEL, orders=ORDERS, visits=VISITS, people=PEOPLE):
    for name, text in (("krets.yaml", model), ("orders.csv", orders), ("visits.csv", visits),
                       ("people.csv", people)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project that has run once; tests must not change its store."""
    folder = project(tmp_path_factory.mktemp("shop"))
    krets("run", "-C", folder)
    return folder


# --- changes --------------------------------------------------------------------------------------

FRESH = [["customer", "time", "change"],
         ["anna", "2024-03-01T10:00:00.000001Z", "entered"],
         ["bo", "2024-03-05T08:00:00Z", "entered"],
         ["anna", "2024-03-11T10:00:00.000001Z", "left"],
         ["bo", "2024-03-15T08:00:00Z", "left"],
         ["anna", "2024-03-20T12:30:00Z", "entered"],
         ["çelik, z.", "2024-03-25T22:59:59.999999Z", "entered"],
         ["anna", "2024-03-30T12:30:00Z", "left"],
         ["çelik, z.", "2024-04-04T22:59:59.999999Z", "left"]]


def changes(shop, segment, begin, end):
    return rows("changes", segment, "--from", begin, "--to", end, "-C", shop)[1:]


def test_changes_of_a_sliding_window(shop):
    done = krets("changes", "fresh", "--from", "2024-01-01", "-C", shop)
    assert list(csv.reader(io.StringIO(done.stdout))) == FRESH
    assert "4 entered, 4 left (3 customers)" in done.stderr
    assert "foretold" not in done.stderr


def test_changes_of_days_since_come_a_microsecond_later(shop):
    assert changes(shop, "late", "2024-01-01", "2024-04-10") == [
        ["anna", "2024-03-11T10:00:00.000002Z", "entered"],
        ["bo", "2024-03-15T08:00:00.000001Z", "entered"],
        ["anna", "2024-03-20T12:30:00Z", "left"],
        ["anna", "2024-03-30T12:30:00.000001Z", "entered"],
        ["çelik, z.", "2024-04-04T23:00:00Z", "entered"]]


def test_changes_of_counts_and_of_the_calendar(shop):
    assert changes(shop, "twice", "2024-01-01", "2024-04-10") == [
        ["anna", "2024-03-20T12:30:00Z", "entered"],
        ["anna", "2024-03-31T10:00:00.000001Z", "left"]]
    # April begins in Stockholm on summer time: 22:00 UTC.
    assert changes(shop, "this_month", "2024-03-26", "2024-04-10") == [
        [who, "2024-03-31T22:00:00Z", "left"] for who in ("anna", "bo", "çelik, z.")]
    # Born on the day on which summer time begins: adult from its midnight, still in winter time.
    assert changes(shop, "grown", "2024-01-01", "2024-12-31") == [
        ["bo", "2024-03-30T23:00:00Z", "entered"]]


def test_changes_of_a_segment_that_names_another(shop):
    assert changes(shop, "good", "2024-01-01", "2024-04-10") == [
        ["anna", "2024-03-20T12:30:00Z", "entered"], ["anna", "2024-03-30T12:30:00Z", "left"]]


def test_joining_as_a_member_is_an_entry(shop):
    assert changes(shop, "quiet", "2024-01-01", "2024-04-10") == [
        ["anna", "2024-03-01T10:00:00.000001Z", "entered"],
        ["anna", "2024-03-02T00:00:00Z", "left"],
        ["çelik, z.", "2024-03-25T22:59:59.999999Z", "entered"]]


def test_the_beginning_is_left_out_and_the_end_is_not(shop):
    instant = "2024-03-05T08:00:00Z"
    assert changes(shop, "fresh", instant, "2024-03-06") == []
    assert changes(shop, "fresh", "2024-03-05T07:59:59.999999Z", instant) == [
        ["bo", instant, "entered"]]
    assert changes(shop, "fresh", instant, instant) == []


def test_changes_after_now_are_foretold(shop):
    done = krets("changes", "fresh", "--from", "last-event", "--to", "2024-12-31", "-C", shop)
    assert done.stdout == "customer,time,change\ndag,2024-05-11T06:00:00Z,left\n"
    assert "foretold" in done.stderr


def test_changes_as_json_and_lines(shop):
    window = ("--from", "2024-03-01", "--to", "2024-03-12", "-C", shop)
    whole = json.loads(krets("changes", "Fresh customers", "--json", *window).stdout)
    expected = [dict(zip(FRESH[0], row)) for row in FRESH[1:4]]
    assert whole["changes"] == expected
    assert {key: whole[key] for key in whole if key not in ("changes", "words")} == {
        "segment": "fresh", "name": "Fresh customers", "from": "2024-02-29T23:00:00Z",
        "to": "2024-03-11T23:00:00Z", "fit": None, "entered": 2, "left": 1, "customers": 2}
    lines = krets("changes", "fresh", "--format", "ndjson", *window).stdout.splitlines()
    assert [json.loads(line) for line in lines] == expected
    assert rows("changes", "fresh", "--limit", "2", *window) == FRESH[:3]


def test_changes_with_a_fit_say_which(shop):
    assert "fit 1" in krets("changes", "best", "--from", "2024-03-01", "-C", shop).stderr


@pytest.mark.parametrize("arguments, said", [
    (["fresh"], "--from"),
    (["fersh", "--from", "2024-03-01"], "did you mean `fresh`"),
    (["fresh", "--from", "soon"], "--from: `soon` is not a time"),
    (["fresh", "--from", "2024-03-01", "--to", "soon"], "--to: `soon` is not a time"),
    (["fresh", "--from", "2024-03-02", "--to", "2024-03-01"], "is after --to"),
    (["fresh", "--from", "2024-03-01", "--format", "parquet"], "csv or ndjson"),
    (["fresh", "--from", "2024-03-01", "--at", "2024-03-01"], "takes no --at"),
    ([], "usage: krets changes SEGMENT")])
def test_wrong_usage_of_changes(arguments, said, shop):
    done = krets("changes", *arguments, "-C", shop, code=2)
    assert said in done.stderr and done.stdout == ""


def random_orders(seed, customers, count):
    chance = random.Random(seed)
    begin = datetime.datetime(2024, 1, 1)
    lines = ["who,at,amount"]
    for _ in range(count):
        at = begin + datetime.timedelta(seconds=chance.randrange(100 * 86400))
        lines.append(f"c{chance.randrange(customers)},{at.isoformat()}Z,{chance.randrange(100)}")
    return "\n".join(lines) + "\n"


def test_changes_agree_with_members_at_instants(tmp_path):
    """Members at an instant are the members before, with the changes in between applied."""
    seed = 20240410
    folder = project(tmp_path, orders=random_orders(seed, 40, 300))
    krets("import", "-C", folder)
    krets("fit", "-C", folder)
    chance = random.Random(seed)
    for segment in ("fresh", "late", "twice", "this_month"):
        found = rows("changes", segment, "--from", "2023-12-31", "--to", "2024-05-01T00:00Z",
                     "-C", folder)[1:]
        assert found == sorted(found, key=lambda row: (instant_us(row[1]), row[0].encode()))
        assert len(found) > 40, seed
        for row in chance.sample(found, 6):
            for shift in (-1, 0, 1):
                at = instant_us(row[1]) + shift
                members = set(krets("members", segment, "--at", time_of(at), "-C", folder)
                              .stdout.split())
                assert members == replay(found, at), (seed, segment, row, shift)


def instant_us(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 10**6)


def time_of(us):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)
    return moment.isoformat() + "Z"


def replay(found, until_us):
    members = set()
    for customer, time, change in found:
        if instant_us(time) > until_us:
            break
        assert (customer in members) == (change == "left")
        (members.add if change == "entered" else members.remove)(customer)
    return members


# --- since and until ------------------------------------------------------------------------------

def test_members_with_since_and_until(shop):
    at = ("--at", "2024-03-27", "-C", shop)
    assert rows("members", "fresh", "--with", "since,until", *at) == [
        ["customer", "since", "until"],
        ["anna", "2024-03-20T12:30:00Z", "2024-03-30T12:30:00Z"],
        ["çelik, z.", "2024-03-25T22:59:59.999999Z", "2024-04-04T22:59:59.999999Z"]]
    assert rows("members", "late", "--with", "until", *at) == [["customer", "until"], ["bo", ""]]
    assert rows("members", "grown", "--with", "since", "--at", "2024-06-01", "-C", shop) == [
        ["customer", "since"], ["bo", "2024-03-30T23:00:00Z"]]
    # bo's trait has no time, so that bo has been a customer without a visit from the beginning.
    assert rows("members", "quiet", "--with", "until,since", *at)[1] == ["bo", "", ""]


def test_members_with_spans_as_json_and_lines(shop):
    at = ("--at", "2024-03-27", "-C", shop)
    whole = json.loads(krets("members", "fresh", "--with", "since,until", "--json", *at).stdout)
    assert whole["members"][0] == {
        "customer": "anna", "since": "2024-03-20T12:30:00Z", "until": "2024-03-30T12:30:00Z",
        "metrics": {"orders": 2, "recent": 2}}
    lines = krets("members", "quiet", "--with", "since", "--format", "ndjson", *at).stdout
    assert [json.loads(line)["since"] for line in lines.splitlines()] == [
        None, "2024-03-25T22:59:59.999999Z"]
    assert "since" not in krets("members", "fresh", "--json", *at).stdout
    assert krets("members", "fresh", *at).stdout == "anna\nçelik, z.\n"
    assert krets("members", "fresh", "--format", "csv", *at).stdout == (
        'customer\nanna\n"çelik, z."\n')


def test_spans_agree_with_changes(tmp_path):
    """Since is the newest entry before the instant, until the first exit after it."""
    seed = 20240411
    folder = project(tmp_path, orders=random_orders(seed, 60, 400))
    krets("run", "-C", folder)
    at = "2024-03-13T17:45:00Z"
    cut = max(row.split(",")[1] for row in
              krets("members", "fresh", "--with", "since", "--at", at, "-C", folder)
              .stdout.splitlines()[1:])
    assert cut <= at
    for segment in ("fresh", "late", "twice"):
        found = rows("changes", segment, "--from", "2023-12-31", "--to", at, "-C", folder)[1:]
        newest = {row[0]: row[1] for row in found if row[2] == "entered"}
        spans = rows("members", segment, "--with", "since,until", "--at", at, "-C", folder)[1:]
        assert len(spans) > 5, seed
        assert {who: since for who, since, _ in spans} == {
            who: newest[who] for who in replay(found, instant_us(at))}
        assert all(until == "" or instant_us(until) > instant_us(at) for _, _, until in spans)


def test_at_and_now_are_the_same_and_not_both(shop):
    a = krets("members", "fresh", "--at", "2024-03-27", "-C", shop)
    b = krets("members", "fresh", "--now", "2024-03-27", "-C", shop)
    assert (a.stdout, a.stderr) == (b.stdout, b.stderr)
    for command in (["members", "fresh"], ["explain", "anna"], ["run"]):
        done = krets(*command, "--at", "2024-03-27", "--now", "2024-03-27", "-C", shop, code=2)
        assert "--now and --at" in done.stderr


@pytest.mark.parametrize("arguments, said", [
    (["members", "fresh", "--with", "units"], "not `units`"),
    (["members", "fresh", "--with", ""], "since and until"),
    (["members", "fresh", "--at", "soon"], "--at: `soon` is not a time"),
    (["members", "fersh", "--at", "2024-03-27"], "did you mean `fresh`"),
    (["members", "fresh", "--format", "parquet"], "csv or ndjson"),
    (["verify", "--at", "2024-03-27"], "takes no --at"),
    (["explain", "anna", "--with", "since"], "takes no --with"),
    (["run", "--to", "2024-03-27"], "takes no --to")])
def test_wrong_usage_of_members(arguments, said, shop):
    done = krets(*arguments, "-C", shop, code=2)
    assert said in done.stderr and done.stdout == ""


# --- explain --------------------------------------------------------------------------------------

@pytest.mark.parametrize("who, segment, at, since, until, words", [
    ("anna", "fresh", "2024-03-27", "2024-03-20T12:30:00Z", "2024-03-30T12:30:00Z",
     "in since 20 March 2024 13:30; leaves on 30 March 13:30 unless another order comes"),
    ("anna", "seen", "2024-03-05", "2024-03-02T00:00:00Z", "2024-03-09T00:00:00Z",
     "in since 2 March 2024 01:00; leaves on 9 March 01:00 unless another visit comes"),
    ("anna", "late", "2024-03-27", "2024-03-20T12:30:00Z", "2024-03-30T12:30:00.000001Z",
     "not in since 20 March 2024 13:30; would enter on 30 March 13:30 if nothing happens"),
    ("bo", "grown", "2023-03-27", None, "2024-03-30T23:00:00Z",
     "never in yet; would enter on 31 March 2024 00:00 if nothing happens"),
    ("bo", "quiet", "2024-03-27", None, None,
     "in from the beginning; stays in unless something happens"),
    ("eva", "fresh", "2024-04-10", None, None, "never in yet; enters only if something happens"),
    ("anna", "fresh", "2024-03-10", "2024-03-01T10:00:00.000001Z",
     "2024-03-11T10:00:00.000001Z",
     "in since 1 March 2024 11:00; leaves on 11 March 11:00 unless another order comes"),
    ("anna", "quiet", "2024-03-01T12:00Z", "2024-03-01T10:00:00.000001Z", "2024-03-02T00:00:00Z",
     "in since 1 March 2024 11:00; leaves on 2 March 01:00 unless something else happens")])
def test_explain_says_since_and_until(who, segment, at, since, until, words, shop):
    arguments = ("explain", who, segment, "--at", at, "-C", shop)
    found = json.loads(krets(*arguments, "--json").stdout)["segments"][0]
    assert (found["since"], found["until"], found["outlook"]) == (since, until, words)
    assert f"\n  {words}\n" in krets(*arguments).stdout


def test_explain_without_a_segment_is_brief(shop):
    text = krets("explain", "anna", "--at", "2024-03-27", "-C", shop).stdout
    assert "\n       in since 20 March 2024 13:30; leaves on 30 March 13:30\n" in text
    assert "never in yet; enters only" not in text


def test_explain_in_the_zone_of_the_customer(tmp_path):
    folder = project(tmp_path, people="who,born,timezone\nanna,2000-01-01,Asia/Tokyo\n")
    krets("run", "-C", folder)
    text = krets("explain", "anna", "fresh", "--at", "2024-03-27", "-C", folder).stdout
    assert ("in since 20 March 2024 21:30; leaves on 30 March 21:30 unless another order comes "
            "(Asia/Tokyo)") in text


# --- run as of, and the next flip -----------------------------------------------------------------

@pytest.fixture
def fresh(tmp_path):
    return project(tmp_path)


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_run_at_instants(fresh):
    done = krets("run", "--at", "2024-04-10, 2024-03-27,2024-03-11T10:00:00.000001Z,2024-03-27T00:00",
                 "--format", "csv", "-C", fresh)
    segments = table(fresh / "out" / "segments.csv")
    assert segments[0] == ["at", "segment", "name", "customers", "share", "value", "value_share",
                           "mean_value"]
    assert [row[:1] + row[3:6] for row in segments if row[1] == "fresh"] == [
        ["2024-03-11T10:00:00.000001Z", "1", "0.500000", "5"],
        ["2024-03-26T23:00:00Z", "2", "0.666667", "107.25"],
        ["2024-04-09T22:00:00Z", "0", "0.000000", "0"]]
    names = sorted(path.name for path in (fresh / "out").iterdir())
    assert names == ["customers-2024-03-11T100000.000001Z.csv", "customers-2024-03-27.csv",
                     "customers-2024-04-10.csv", "segments.csv"]
    customers = table(fresh / "out" / "customers-2024-03-27.csv")
    assert [row[0] for row in customers] == ["customer", "anna", "bo", "çelik, z."]
    place = customers[0].index("fresh")
    assert [row[place] for row in customers[1:]] == ["true", "false", "true"]
    assert "fit 1, made for 2024-04-10 00:00:00 Europe/Stockholm" in done.stdout


def test_run_at_as_json_uses_the_fit_it_is_told(fresh):
    krets("run", "--now", "2024-03-06", "-C", fresh)
    krets("run", "-C", fresh)
    stored = json.loads(krets("verify", "--json", "-C", fresh).stdout)
    whole = json.loads(krets("run", "--at", "2024-03-27,last-event", "--fit", "1", "--json",
                             "-C", fresh).stdout)
    assert [entry["at"] for entry in whole["at"]] == ["2024-03-26T23:00:00Z", "2024-05-01T06:00:00Z"]
    assert whole["fit"] == 1 and "flip_s" not in whole["timings"]
    for entry in whole["at"]:
        assert entry["customers_file"].endswith(".parquet") and os.path.exists(
            entry["customers_file"])
        for segment in entry["segments"]:
            members = json.loads(krets("members", segment["segment"], "--at", entry["at"], "--fit",
                                       "1", "--json", "-C", fresh).stdout)
            assert members["customers"] == segment["customers"]
            assert members["population"] == entry["customers"]
    # The answers of the run before are still there to be proved.
    again = json.loads(krets("verify", "--json", "-C", fresh).stdout)
    assert again["stored_checked"] and again["now"] == stored["now"]


def test_run_with_until(fresh):
    whole = json.loads(krets("run", "--now", "2024-03-27", "--with", "until", "--format", "csv",
                             "--json", "-C", fresh).stdout)
    assert whole["timings"]["flip_s"] >= 0
    customers = table(fresh / "out" / "customers.csv")
    assert customers[0][-1] == "next_flip"
    # anna leaves `fresh`; bo comes of age; for çelik the month ends.
    assert {row[0]: row[-1] for row in customers[1:]} == {
        "anna": "2024-03-30 12:30:00+00", "bo": "2024-03-30 23:00:00+00",
        "çelik, z.": "2024-03-31 22:00:00+00"}
    krets("verify", "-C", fresh)
    krets("run", "--format", "csv", "-C", fresh)
    assert "next_flip" not in table(fresh / "out" / "customers.csv")[0]


def test_next_flip_never_and_beside_a_metric_of_that_name(fresh):
    project(fresh, MODEL.replace('  recent:', '  next_flip: "1 + 1"\n  recent:').replace(
        '  quiet:', '  Next_Flip: "orders > 5"\n  quiet:'))
    krets("run", "--at", "2025-06-01", "--with", "until", "--format", "csv", "-C", fresh)
    customers = table(fresh / "out" / "customers-2025-06-01.csv")
    assert customers[0][-1] == "next_flip" and "metric:next_flip" in customers[0]
    assert "segment:Next_Flip" in customers[0]
    assert {row[0]: row[-1] for row in customers[1:]}["anna"] == ""


@pytest.mark.parametrize("arguments, said", [
    (["--at", "soon"], "--at: `soon` is not a time"),
    (["--at", "2024-03-27,"], "--at: `` is not a time"),
    (["--at", ",".join(["2024-03-27"] * 121)], "at most 120 instants"),
    (["--with", "since"], "run has until"),
    (["--at", "2024-03-27", "--format", "ndjson"], "csv or parquet"),
    (["--at", "2024-03-27", "--fit", "7"], "fit")])
def test_wrong_usage_of_run(arguments, said, fresh):
    done = krets("run", *arguments, "-C", fresh, code=2)
    assert said in done.stderr and done.stdout == ""
