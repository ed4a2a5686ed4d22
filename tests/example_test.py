"""The examples and the profiles of real data sets, against published or computed facts.

KRETS is the program. The sets lie in KRETS_TEST_DATA (default ../shared/data beside this project),
the facts in the folder `reference` beside it; what is absent is skipped with its reason.
"""

import ast
import csv
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parent.parent
KRETS = os.environ["KRETS"]
DATA = Path(os.environ.get("KRETS_TEST_DATA", ROOT / "../shared/data")).resolve()
REFERENCE = DATA.parent / "reference"


def need(path):
    if not path.exists():
        pytest.skip(f"{path.name} is not here: set KRETS_TEST_DATA")
    return path


def krets(*arguments):
    done = subprocess.run([KRETS, *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, check=False, env=dict(os.environ, KRETS_TEST_DATA=str(DATA)))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def example(name, folder):
    """A copy of an example's model, so that nothing is written beside the original."""
    shutil.copy(ROOT / "examples" / name / "krets.yaml", folder)
    return folder


def facts_of(dataset):
    with open(need(REFERENCE / "dataset_profile_facts.csv"), encoding="utf-8", newline="") as file:
        return {row["fact"]: row["value"] for row in csv.DictReader(file)
                if row["dataset"] == dataset}


def profile(folder, model):
    (folder / "krets.yaml").write_text(model, encoding="utf-8")
    krets("import", "-C", folder)
    return {source["source"]: source
            for source in json.loads(krets("profile", "-C", folder, "--json"))["sources"]}


def column(source, name, part="columns"):
    return next(entry for entry in source[part] if entry["name"] == name)


def events(source):
    return {entry["name"]: entry for entry in source["events"]}


def top(source, name):
    return {entry["value"]: entry["count"] for entry in column(source, name)["top"]}


# --- Online Retail --------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    need(DATA / "online_retail" / "online_retail.csv")
    folder = example("online_retail", tmp_path_factory.mktemp("online_retail"))
    run = json.loads(krets("run", "-C", folder, "--json"))
    source, = json.loads(krets("profile", "-C", folder, "--json"))["sources"]
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    data = re.search(r'<script[^>]*\bid="krets-report"[^>]*>(.*?)</script>', page, re.S).group(1)
    return {"folder": folder, "run": run, "source": source, "report": json.loads(data)}


def day_and_time(text):
    return text.replace("T", " ").removesuffix("Z")


RETAIL_FACTS = {
    "rows": lambda r: r["source"]["rows"],
    "distinct InvoiceNo": lambda r: column(r["source"], "InvoiceNo")["distinct"],
    "distinct CustomerID (non-null)": lambda r: column(r["source"], "CustomerID")["distinct"],
    "null CustomerID rows": lambda r: column(r["source"], "CustomerID")["nulls"],
    "null Description rows": lambda r: column(r["source"], "Description")["nulls"],
    "distinct StockCode": lambda r: column(r["source"], "StockCode")["distinct"],
    "distinct Country": lambda r: column(r["source"], "Country")["distinct"],
    "min InvoiceDate": lambda r: day_and_time(column(r["source"], "InvoiceDate")["min"]),
    "max InvoiceDate": lambda r: day_and_time(column(r["source"], "InvoiceDate")["max"]),
    "sum Quantity*UnitPrice": lambda r: column(r["source"], "amount", "properties")["sum"],
    "rows with InvoiceNo starting C": lambda r: events(r["source"])["return"]["rows"],
    "duplicate rows (full-row)": lambda r: r["source"]["duplicate_rows"],
    "rows Quantity<=0": lambda r: column(r["source"], "Quantity")["not_positive"],
    "UK rows": lambda r: top(r["source"], "Country")["United Kingdom"],
    "clean rows (CustomerID, Quantity>0, UnitPrice>0, not C)":
        lambda r: events(r["source"])["purchase"]["kept"],
    "clean customers": lambda r: events(r["source"])["purchase"]["customers"],
    "clean revenue": lambda r: r["run"]["value"],
}


@pytest.mark.parametrize("fact", RETAIL_FACTS)
def test_online_retail(fact, retail):
    expected = facts_of("online_retail")[fact]
    seen = RETAIL_FACTS[fact](retail)
    if isinstance(seen, float):
        assert seen == pytest.approx(float(expected), abs=0.0005)
    else:
        assert str(seen) == expected


def test_every_fact_of_online_retail_is_compared():
    assert sorted(facts_of("online_retail")) == sorted(RETAIL_FACTS)


def test_online_retail_monthly_cohorts(retail):
    path = need(REFERENCE / "online_retail_monthly_cohorts.csv")
    with open(path, encoding="utf-8", newline="") as file:
        expected = {row["cohort_month"]: [int(row[name]) for name in row
                                          if name.startswith("m+") and row[name]]
                    for row in csv.DictReader(file)}
    cohorts = retail["report"]["cohorts"]
    assert {row["cohort"]: row["counts"] for row in cohorts["rows"]} == expected
    assert all(row["size"] == row["counts"][0] for row in cohorts["rows"])


def test_online_retail_is_proved(retail):
    assert len(retail["run"]["segments"]) >= 25
    assert json.loads(krets("verify", "-C", retail["folder"], "--json"))["differences"] == 0


def test_online_retail_segments_tell_customers_apart(retail):
    customers = retail["run"]["customers"]
    assert all(0 < row["customers"] < customers for row in retail["run"]["segments"])


# --- CDNOW ----------------------------------------------------------------------------------------

def cdnow_log():
    where = subprocess.run([ROOT / "tools/fetch", "--where"], capture_output=True, text=True,
                           check=True).stdout.strip()
    return Path(where) / "cdnow" / "CDNOW_master.txt"


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory):
    folder = example("cdnow", tmp_path_factory.mktemp("cdnow"))
    shutil.copy(cdnow_log(), folder)
    return folder, json.loads(krets("run", "-C", folder, "--json"))


def test_cdnow_example_runs_and_is_proved(cdnow):
    folder, run = cdnow
    assert run["customers"] == 23570
    assert run["value"] == pytest.approx(2500315.63, abs=0.005)
    assert len(run["segments"]) >= 20
    assert (folder / "out" / "report.html").stat().st_size > 100_000
    assert json.loads(krets("verify", "-C", folder, "--json"))["differences"] == 0


def test_cdnow_master_profile(cdnow):
    facts = facts_of("cdnow_master")
    source, = json.loads(krets("profile", "-C", cdnow[0], "--json"))["sources"]
    assert source["rows"] == int(facts["transactions"])
    assert source["customers"]["distinct"] == int(facts["customers"])
    assert column(source, "amount")["sum"] == pytest.approx(float(facts["sum dollars"]), abs=0.005)
    assert column(source, "cds")["sum"] == int(facts["sum CDs"])
    days = tuple(source[name][:10].replace("-", "") for name in ("first_time", "last_time"))
    assert days == ast.literal_eval(facts["min/max date"])


def test_cdnow_sample_profile(tmp_path):
    facts = facts_of("cdnow_sample")
    path = need(DATA / "cdnow" / "CDNOW_sample.txt")
    source = profile(tmp_path, f"""
krets: 1
timezone: UTC
sources:
  orders:
    query: >-
      select part[2] as customer, strptime(part[3], '%Y%m%d') as time,
             cast(part[5] as decimal(18, 4)) as amount
      from (select string_split_regex(trim(line), '\\s+') as part
            from read_csv('{path}', columns = {{'line': 'VARCHAR'}}, header = false, delim = '|',
                          quote = ''))
    customer: customer
    time: time
    event: order
""")["orders"]
    assert source["rows"] == int(facts["transactions"])
    assert source["customers"]["distinct"] == int(facts["customers"])
    assert column(source, "amount")["sum"] == pytest.approx(float(facts["sum dollars"]), abs=0.005)


# --- other sets -----------------------------------------------------------------------------------

def test_hillstrom_profile(tmp_path):
    facts = facts_of("hillstrom")
    path = need(DATA / "hillstrom" / "hillstrom.csv")
    arms = [name for name in facts if name != "rows"]
    model = "krets: 1\ntimezone: UTC\nsources:\n"
    for number, arm in enumerate(arms):
        model += f"""
  arm{number}:
    query: >-
      select row_number() over () as customer, timestamp '2008-03-20' as time, visit, conversion,
             cast(spend as decimal(18, 4)) as spend
      from read_csv('{path}') where segment = '{arm}'
    customer: {{ sql: "'{number}-' || customer" }}
    time: time
    event: mailed
"""
    sources = profile(tmp_path, model)
    assert sum(source["rows"] for source in sources.values()) == int(facts["rows"])
    for number, arm in enumerate(arms):
        source = sources[f"arm{number}"]
        seen = (source["rows"], column(source, "visit")["sum"], column(source, "conversion")["sum"])
        *whole, spend = ast.literal_eval(facts[arm])
        assert seen == tuple(whole), arm
        assert column(source, "spend")["sum"] == pytest.approx(spend, abs=0.005), arm


def test_telco_churn_profile(tmp_path):
    facts = facts_of("telco_churn")
    path = need(DATA / "telco_churn" / "Telco-Customer-Churn.csv")
    source = profile(tmp_path, f"""
krets: 1
timezone: UTC
sources:
  contracts:
    file: {path}
    kind: traits
    customer: customerID
""")["contracts"]
    assert source["rows"] == int(facts["rows"])
    assert top(source, "Churn")["Yes"] == int(facts["Churn=Yes"])
    assert column(source, "MonthlyCharges")["sum"] == pytest.approx(
        float(facts["sum MonthlyCharges"]), abs=0.005)
    total = column(source, "TotalCharges")
    blank = total["nulls"] + sum(entry["count"] for entry in total["top"]
                                 if not entry["value"].strip())
    assert blank == int(facts["blank TotalCharges"])


def test_retentioneering_profile(tmp_path):
    facts = facts_of("retentioneering_ecom")
    path = need(DATA / "retentioneering_ecom" / "ecom.csv")
    source = profile(tmp_path, f"""
krets: 1
timezone: UTC
sources:
  clicks:
    file: {path}
    customer: user_id
    time: timestamp
    event: {{ column: event }}
""")["clicks"]
    seen = (source["rows"], source["customers"]["distinct"],
            column(source, "session_id")["distinct"])
    assert seen == ast.literal_eval(facts["events, users, sessions"])
    counts = dict(ast.literal_eval(facts["event counts"]))
    assert {name: entry["rows"] for name, entry in events(source).items()} == counts


# --- scores of the R package rfm ------------------------------------------------------------------

@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    need(DATA / "rfm_sample" / "rfm_data_orders.csv")
    reference = need(REFERENCE / "rfm_package_expected_scores.csv")
    folder = example("rfm_sample", tmp_path_factory.mktemp("rfm_sample"))
    krets("run", "-C", folder)
    with duckdb.connect() as database:
        database.execute(f"create table expected as from read_csv('{reference}')")
        database.execute(f"create table seen as from '{folder}/out/customers.parquet'")
        yield database


def differing(database, seen, expected):
    (count,) = database.execute(f"""
        select count(*) from seen s full join expected e on s.customer = e.customer_id
        where s.{seen} is distinct from e.{expected}""").fetchone()
    return count


@pytest.mark.parametrize("score, count", [("recency", 1), ("frequency", 0), ("monetary", 2)])
def test_rfm_scores_by_ntile(score, count, scores):
    """The package's bounds are quintiles plus one: it differs where a quintile is not whole."""
    assert differing(scores, f"{score}_score", f"{score}_score") == count


@pytest.mark.parametrize("score", ["recency", "frequency", "monetary"])
def test_rfm_scores_with_the_bounds_of_the_package(score, scores):
    assert scores.execute("select count(*) from seen").fetchone() == (995,)
    assert differing(scores, f"package_{score}", f"{score}_score") == 0


@pytest.mark.parametrize("measure, reference", [
    ("recency", "recency_days"), ("frequency", "transaction_count"), ("monetary", "amount"),
    ("package_group", "segment")])
def test_rfm_measures_and_groups(measure, reference, scores):
    assert differing(scores, measure, reference) == 0
