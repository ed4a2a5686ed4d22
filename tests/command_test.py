"""The program as a person at a terminal, or a script, meets it. KRETS is its path."""

import csv
import json
import os
import re
import secrets
import signal
import subprocess
import time
import unicodedata
from pathlib import Path

import duckdb
import pytest

KRETS = os.environ["KRETS"]
COMMANDS = ["init", "check", "import", "run", "members", "changes", "explain", "sql", "verify", "profile",
            "fit", "doctor", "version"]
MODEL = """krets: 1
name: Command
timezone: UTC
currency: EUR
now: 2024-03-01
value: "sum(order.amount)"
sources:
  orders:
    file: orders.csv
    customer: who
    time: at
    event: order
metrics:
  orders: "count(order)"
  money: "sum(order.amount)"
segments:
  often: "orders >= 2"
  大口: { name: 大口のお客様, when: "money >= 100", owner: 営業 }
  best: "ntile(money, 2) = 2"
"""
ORDERS = """who,at,amount
anna,2024-01-01T10:00:00Z,60.50
anna,2024-02-01T10:00:00Z,60
bob,2024-02-02T10:00:00Z,5
日本,2024-02-29T10:00:00Z,7.25
"""
SLOW = """  slow:
    query: >-
      select (i * 7919) % 1000003 as customer, timestamp '2024-01-01' as time, i % 97 as amount
      from range(2000000000) t(i)
    customer: customer
    time: time
    event: order
"""


def krets(*arguments, code=0, **options):
    """Runs the program; code: the exit status it must have."""
    done = subprocess.run([KRETS, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          check=False, **options)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def document(*arguments, code=0, **options):
    """The one JSON document on standard output, nothing beside it."""
    return json.loads(krets(*arguments, "--json", code=code, **options).stdout)


def project(folder, model=MODEL, orders=ORDERS):
    folder.mkdir(exist_ok=True)
    (folder / "krets.yaml").write_text(model, encoding="utf-8")
    (folder / "orders.csv").write_text(orders, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A project that has run once; tests must not change it."""
    folder = project(tmp_path_factory.mktemp("shop"))
    krets("run", "-C", folder)
    return folder


@pytest.fixture
def fresh(tmp_path):
    return project(tmp_path)


# --- usage ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command):
    for flag in ("--help", "-h"):
        done = krets(command, flag)
        assert done.stdout.startswith(f"krets {command}") and done.stderr == ""
        assert "Exit status" in done.stdout
        assert all(len(line) <= 100 for line in done.stdout.splitlines())


def test_help_names_every_command():
    done = krets("--help")
    assert all(re.search(rf"^  {command}\b", done.stdout, re.M) for command in COMMANDS)


@pytest.mark.parametrize("arguments, word", [
    (["runn"], "run"), (["verfy"], "verify"), (["run", "--memry", "1GB"], "--memory"),
    (["members", "--jsn"], "--json")])
def test_misspelt_words_get_a_suggestion(arguments, word):
    assert f"did you mean {word}?" in krets(*arguments, code=2).stderr.replace("`", "")


@pytest.mark.parametrize("arguments", [
    ["run", "--now"], ["run", "--now", "yesterday"], ["run", "--threads", "0"],
    ["run", "--threads", "many"], ["run", "--memory", "lots"], ["run", "--format", "pdf"],
    ["members"], ["explain"], ["members", "a", "b"], ["run", "--fit", "-1"]])
def test_wrong_usage(arguments, shop):
    done = krets(*arguments, "-C", shop, code=2)
    assert done.stdout == "" and re.search(r"^krets: ", done.stderr, re.M)


def test_version():
    assert re.fullmatch(r"krets \d+\.\d+\.\d+.*\n", krets("version").stdout)
    assert re.fullmatch(r"\d+\.\d+\.\d+", document("version")["krets"])


def test_no_model_says_what_to_do(tmp_path):
    for command in ("run", "check", "import", "verify", "profile"):
        done = krets(command, "-C", tmp_path, code=2)
        assert "krets.yaml" in done.stderr and "krets init" in done.stderr


# --- errors in the model --------------------------------------------------------------------------

WRONG = MODEL.replace('often: "orders >= 2"', 'often: "coun(order) >= 2"').replace(
    '"money >= 100"', '"mony >= 100"')


@pytest.mark.parametrize("command, code", [("check", 1), ("run", 2)])
def test_model_errors_have_places(command, code, tmp_path):
    folder = project(tmp_path, WRONG)
    done = krets(command, "-C", folder, code=code)
    lines = done.stderr.splitlines()
    for word, suggestion in (("coun(", "count"), ("mony ", "money")):
        line = next(n for n, text in enumerate(WRONG.splitlines(), 1) if f'"{word}' in text)
        column = WRONG.splitlines()[line - 1].index(f'"{word}') + 2
        found = [n for n, text in enumerate(lines)
                 if text.startswith(f"{folder}/krets.yaml:{line}:{column}: error: ")]
        assert len(found) == 1, done.stderr
        assert suggestion in lines[found[0]]
        assert lines[found[0] + 1].endswith(WRONG.splitlines()[line - 1])
        assert re.fullmatch(r" +\| +\^+", lines[found[0] + 2])


def test_yaml_error_has_a_place(tmp_path):
    done = krets("check", "-C", project(tmp_path, MODEL + "  broken: [1, 2\n"), code=1)
    assert re.search(r"krets\.yaml:\d+:\d+: error: ", done.stderr)


def test_missing_variable_is_named(tmp_path):
    model = MODEL.replace("file: orders.csv", "file: ${KRETS_NO_SUCH}/orders.csv")
    done = krets("run", "-C", project(tmp_path, model), code=2)
    assert "KRETS_NO_SUCH" in done.stderr and "not set" in done.stderr


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_secret_is_never_shown(tmp_path, flags):
    secret = secrets.token_hex(12)
    model = MODEL.replace("file: orders.csv", 'connect: "${KRETS_TEST_URL}"\n    table: orders')
    model = model.replace("table: orders", 'query: "select who, at, amount from orders"')
    url = f"postgres://user:{secret}@127.0.0.1:1/none"
    folder = project(tmp_path, model)
    environment = dict(os.environ, KRETS_TEST_URL=url)
    for command in ("run", "import", "check"):
        done = subprocess.run([KRETS, command, "-C", str(folder), *flags], capture_output=True,
                              text=True, timeout=60, env=environment, check=False)
        assert command == "check" or done.returncode == 3, done.stderr
        assert secret not in done.stdout + done.stderr


def test_json_errors_are_a_document(tmp_path):
    folder = project(tmp_path, WRONG)
    error = document("run", "-C", folder, code=2)["error"]
    assert error["status"] == 2 and "error" in error["message"]
    error = document("run", "-C", tmp_path / "none", code=2)["error"]
    assert "krets.yaml" in error["message"]


def test_json_check_lists_errors(tmp_path):
    found = document("check", "-C", project(tmp_path, WRONG), code=1)["diagnostics"]
    assert [d["severity"] for d in found] == ["error", "error"]
    assert all(d["line"] > 1 and d["column"] > 1 and d["message"] for d in found)


# --- data and store -------------------------------------------------------------------------------

def test_missing_file_is_named(fresh):
    (fresh / "orders.csv").unlink()
    assert "orders.csv" in krets("run", "-C", fresh, code=3).stderr


def test_data_folder_that_cannot_be_written(fresh):
    if os.geteuid() == 0:
        data = Path("/proc/krets-data")     # not even root may
    else:
        fresh.chmod(0o555)
        data = fresh / "krets-data"
    done = krets("run", "-C", fresh, "--data", data, "--out", fresh / "out", code=3)
    assert str(data) in done.stderr
    fresh.chmod(0o755)


def test_too_little_memory_is_said(fresh):
    done = subprocess.run([KRETS, "run", "-C", str(fresh), "--memory", "1MB"], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode in (2, 4)
    assert "memory" in done.stderr and "64MB" in done.stderr


def test_second_run_finds_nothing_new(fresh):
    assert "orders: 4 events" in krets("run", "-C", fresh).stderr
    assert "unchanged" in krets("run", "-C", fresh).stderr
    (fresh / "orders.csv").write_text(ORDERS + "new,2024-02-01T00:00:00Z,1\n", encoding="utf-8")
    assert document("run", "-C", fresh)["customers"] == 4


def wait_for_import(folder, process):
    """Until the process holds the store and works on its slow source."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        lock = folder / "krets-data" / "lock"
        if lock.exists() and lock.read_text(encoding="utf-8").strip():
            time.sleep(0.3)
            return
        time.sleep(0.02)
    raise AssertionError("the import did not start")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_import(fresh, stop):
    """While one imports, another is told who; afterwards the store is as it was before."""
    before = document("run", "-C", fresh)["segments"]
    model = MODEL.replace("metrics:\n", SLOW + "metrics:\n", 1)
    (fresh / "krets.yaml").write_text(model, encoding="utf-8")
    process = subprocess.Popen([KRETS, "import", "-C", str(fresh), "--memory", "300MB"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_for_import(fresh, process)
        done = krets("import", "-C", fresh, code=3)
        assert f"pid {process.pid}" in done.stderr and "in use" in done.stderr
    finally:
        process.send_signal(stop)
        process.communicate(timeout=30)
    assert process.returncode != 0
    (fresh / "krets.yaml").write_text(MODEL, encoding="utf-8")
    assert document("run", "-C", fresh)["segments"] == before
    krets("verify", "-C", fresh)


# --- results --------------------------------------------------------------------------------------

def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_run_writes_its_results(shop):
    segments = {row["segment"]: row for row in table(shop / "out" / "segments.csv")}
    assert list(segments["often"]) == ["segment", "name", "customers", "share", "value",
                                       "value_share", "mean_value"]
    assert segments["often"]["customers"] == "1" and float(segments["often"]["value"]) == 120.5
    assert segments["大口"]["name"] == "大口のお客様"
    rows = duckdb.sql(f"from '{shop}/out/customers.parquet' order by customer")
    assert rows.columns == ["customer", "orders", "money", "often", "大口", "best"]
    assert [row[0] for row in rows.fetchall()] == ["anna", "bob", "日本"]
    assert "krets-report" in (shop / "out" / "report.html").read_text(encoding="utf-8")


def test_run_json(fresh):
    run = document("run", "-C", fresh)
    assert run["customers"] == 3 and run["value"] == 132.75 and run["now"] == "2024-03-01T00:00:00Z"
    assert set(run["timings"]) == {"import_s", "index_s", "fit_s", "evaluate_s", "write_s"}
    assert [row["segment"] for row in run["segments"]] == ["often", "大口", "best"]
    assert run["segments"][0]["share"] == pytest.approx(1 / 3)


def test_run_counts_time_zones_that_are_not_known(tmp_path):
    folder = project(tmp_path / "zones", MODEL.replace("metrics:", """  people:
    file: people.csv
    customer: who
    kind: traits
metrics:""", 1))
    (folder / "people.csv").write_text(
        "who,timezone\nanna,Mars/Base\nbob,Asia/Tokyo\n日本,localtime\n", encoding="utf-8")
    done = krets("run", "-C", folder, "--json")
    assert json.loads(done.stdout)["invalid_timezones"] == 2
    assert "2 customers have a time zone that is not known; the model's is used" in done.stderr
    (folder / "people.csv").write_text("who,timezone\nbob,Asia/Tokyo\n", encoding="utf-8")
    done = krets("run", "-C", folder, "--data", tmp_path / "other", "--json")
    assert json.loads(done.stdout)["invalid_timezones"] == 0
    assert "time zone" not in done.stderr


def test_run_format_csv(fresh):
    krets("run", "-C", fresh, "--format", "csv", "--out", fresh / "results")
    assert {row["customer"]: row["orders"] for row in table(fresh / "results" / "customers.csv")} \
        == {"anna": "2", "bob": "1", "日本": "1"}
    assert not (fresh / "results" / "customers.parquet").exists()


@pytest.mark.parametrize("now, orders, said", [
    ("2024-02-01", 1, "2024-02-01T00:00:00Z"),
    ("2024-02-01T10:00", 2, "2024-02-01T10:00:00Z"),
    ("2024-02-01T10:59:59+01:00", 1, "2024-02-01T09:59:59Z"),
    ("2024-02-02T10:00:00Z", 3, "2024-02-02T10:00:00Z"),
    ("last-event", 4, "2024-02-29T10:00:00Z")])
def test_forms_of_now(now, orders, said, fresh):
    run = document("run", "-C", fresh, "--now", now)
    assert run["now"] == said
    (seen,) = duckdb.sql(f"select sum(orders) from '{fresh}/out/customers.parquet'").fetchone()
    assert seen == orders


def test_members(shop):
    assert krets("members", "often", "-C", shop).stdout == "anna\n"
    assert krets("members", "best", "-C", shop, "--limit", "1").stdout == "anna\n"
    found = document("members", "大口", "-C", shop)
    assert found["segment"] == "大口"
    assert found["members"] == [{"customer": "anna", "metrics": {"orders": 2, "money": 120.5}}]
    assert krets("members", "often", "-C", shop, "--now", "2024-01-15").stdout == ""
    assert "did you mean" in krets("members", "oftn", "-C", shop, code=2).stderr


def test_explain(shop):
    text = krets("explain", "anna", "often", "-C", shop).stdout
    assert "orders >= 2" in text and "2024-02-01 10:00:00" in text and "60.5" in text
    out = krets("explain", "bob", "often", "-C", shop).stdout
    assert re.search(r"^not in often\b", out, re.M) and re.search(r"^in +often\b", text, re.M)
    assert all(name in krets("explain", "anna", "-C", shop).stdout for name in ("often", "大口"))
    then = krets("explain", "anna", "often", "-C", shop, "--at", "2024-01-15").stdout
    assert re.search(r"^not in often\b", then, re.M)
    assert "nobody" in krets("explain", "nobody", "-C", shop, code=2).stderr
    assert document("explain", "anna", "often", "-C", shop)["customer"] == "anna"


@pytest.mark.parametrize("segment, expected", [
    ("often", {"anna"}), ("大口", {"anna"}), ("best", {"anna"})])
def test_sql_gives_the_same_members_in_plain_duckdb(segment, expected, shop):
    sql = krets("sql", segment, "-C", shop).stdout
    rows = duckdb.connect().execute(sql).fetchall()
    assert {customer for customer, value in rows if value} == expected
    assert {value for _, value in rows} <= {True, False}


def test_profile(shop):
    source, = document("profile", "-C", shop)["sources"]
    assert (source["rows"], source["kept"], source["customers"]["distinct"]) == (4, 4, 3)
    assert "orders" in krets("profile", "-C", shop).stdout


def test_check_prints(shop):
    assert 'often: "orders >= 2"' in krets("check", "-C", shop, "--print").stdout
    plan = krets("check", "-C", shop, "--plan").stdout
    assert "ntile(2" in plan and re.search(r"^kernel\n", plan, re.M)
    assert document("check", "-C", shop, "--plan")["plan"] == plan
    assert document("check", "-C", shop)["diagnostics"] == []


def test_fits_are_kept_and_chosen(fresh):
    krets("run", "-C", fresh, "--now", "2024-02-02T10:00:00Z")
    krets("fit", "-C", fresh)
    first = krets("members", "best", "-C", fresh, "--fit", "1")
    assert "fit 1" in first.stderr
    assert "fit 2" in krets("members", "best", "-C", fresh).stderr
    krets("members", "best", "-C", fresh, "--fit", "99", code=2)


def test_verify(shop):
    krets("verify", "-C", shop)
    found = document("verify", "-C", shop)
    assert found["differences"] == 0 and found["evaluator"] == "kernel"


def test_verify_the_reference(shop):
    assert "by the reference evaluator" in krets("verify", "-C", shop, "--reference").stdout
    found = document("verify", "-C", shop, "--reference")
    assert found["differences"] == 0 and found["evaluator"] == "reference"


def test_verify_says_what_has_no_sql(tmp_path):
    fresh = project(tmp_path, MODEL + """  slower: "days_since(last(order)) > gap(order)"
  lately: "entered(slower last 60 days)"
  oftener: "entered(often last 60 days)"
""")
    krets("run", "-C", fresh)
    text = krets("verify", "-C", fresh).stdout
    assert "not proved by SQL, only by the reference evaluator: segment lately: " in text
    assert "cannot be listed because of a comparison of what moves with now" in text
    assert "oftener" not in text
    found = document("verify", "-C", fresh)
    assert found["differences"] == 0 and found["not_proved_by_sql"] == 1
    assert {row["name"] for row in found["checks"] if row["not_proved_by_sql"]} == {"lately"}
    assert "only by the kernel" in krets("verify", "-C", fresh, "--reference").stdout
    assert "no SQL form" in krets("sql", "lately", "-C", fresh, code=2).stderr
    change_stored(fresh, ("lately", "true"))
    text = krets("verify", "-C", fresh, code=1).stdout
    assert re.search(r"bob: stored true, the reference evaluator says false\b", text)


def change_stored(folder, assignment):
    """Changes an answer in the Parquet file of the last run and nothing else."""
    path, = (folder / "krets-data").glob("runs/*.parquet")
    database = duckdb.connect()
    columns = [row[0] for row in database.execute(f"describe select * from '{path}'").fetchall()]
    column = next(name for name in columns if name.endswith(assignment[0]))
    database.execute(f"create table answers as from '{path}'")
    database.execute(f"update answers set \"{column}\" = {assignment[1]} where customer = 'bob'")
    database.execute(f"copy answers to '{path}' (format parquet)")


@pytest.mark.parametrize("assignment, stored, proof", [
    (("orders", "77"), "77", "1"), (("often", "true"), "true", "false")])
def test_verify_names_a_changed_answer(assignment, stored, proof, fresh):
    krets("run", "-C", fresh)
    change_stored(fresh, assignment)
    text = krets("verify", "-C", fresh, code=1).stdout
    assert re.search(rf"bob: stored {stored}, the SQL says {proof}\b", text)
    found = document("verify", "-C", fresh, code=1)
    wrong = [row for row in found["checks"] if row["differences"]]
    assert found["differences"] == 1 and wrong[0]["side"] == "stored"
    example, = wrong[0]["examples"]
    assert (example["customer"], example["answer"], example["proof"]) == ("bob", stored, proof)


# --- how it looks ---------------------------------------------------------------------------------

def width(text):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def test_tables_align_wide_characters(fresh):
    lines = krets("run", "-C", fresh).stdout.splitlines()
    head = lines[0]
    start = head.index("customers") + len("customers")
    for line in lines[1:4]:
        place = next(n for n in range(len(line)) if width(line[:n]) == start)
        assert line[place - 1].isdigit() and line[place] == " ", line


def test_no_colour_and_no_bars_when_piped(fresh):
    done = krets("run", "-C", fresh)
    assert "\x1b" not in done.stdout + done.stderr and "\r" not in done.stdout + done.stderr


@pytest.mark.parametrize("no_colour", [True, False])
def test_colour_on_a_terminal_unless_told_not_to(fresh, no_colour):
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment["TERM"] = "xterm-256color"
    if no_colour:
        environment["NO_COLOR"] = "1"
    ours, theirs = os.openpty()
    process = subprocess.Popen([KRETS, "run", "-C", str(fresh)], stdout=theirs, env=environment,
                               stderr=subprocess.DEVNULL)
    process.wait(timeout=30)
    os.close(theirs)
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert "often" in seen
    assert bool(re.search(r"\x1b\[[0-9;]*m", seen)) is not no_colour


def test_standard_output_that_is_full(shop):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([KRETS, "members", "often", "-C", str(shop), "--json"], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 4 and "standard output" in done.stderr


# --- init -----------------------------------------------------------------------------------------

SHAPES = {
    "plain": "customer_id,order_date,amount\n1,2024-01-05,10.50\n2,2024-01-06,20\n1,2024-02-05,5\n",
    "semicolon": "Kunde;Datum;Betrag\nK1;05.01.2024;10,50\nK2;16.01.2024;20,00\n"
                 "K1;25.02.2024;5,00\n",
    "tab": "user_id\ttimestamp\trevenue\nu1\t2024-01-05 10:00:00\t10.5\n"
           "u2\t2024-01-06 11:00:00\t20\nu1\t2024-02-05 12:00:00\t5\n",
    "excel": "\ufeffCustomer ID,Invoice Date,Total\r\n1,2024-01-05 10:00,\"10.50\"\r\n"
             "2,2024-01-06 11:00,\"20.00\"\r\n1,2024-02-05 12:00,\"5.00\"\r\n",
    "email": "Email,Created at,Total Price\na@example.org,2024-01-05T10:00:00+01:00,10.50\n"
             "b@example.org,2024-01-06T11:00:00+01:00,20.00\n"
             "a@example.org,2024-02-05T12:00:00+01:00,5.00\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_init_from_a_file_then_run(shape, tmp_path):
    (tmp_path / "data.csv").write_text(SHAPES[shape], encoding="utf-8", newline="")
    krets("init", "-C", tmp_path, "--from", tmp_path / "data.csv")
    assert "#" in (tmp_path / "krets.yaml").read_text(encoding="utf-8")
    krets("check", "-C", tmp_path)
    run = document("run", "-C", tmp_path)
    assert run["customers"] == 2 and run["value"] == 35.5 and len(run["segments"]) >= 3
    krets("verify", "-C", tmp_path)


def test_init_does_not_overwrite(fresh):
    before = (fresh / "krets.yaml").read_text(encoding="utf-8")
    done = krets("init", "-C", fresh, "--from", fresh / "orders.csv", code=2)
    assert "--force" in done.stderr
    assert (fresh / "krets.yaml").read_text(encoding="utf-8") == before
    krets("init", "-C", fresh, "--from", fresh / "orders.csv", "--force")
    assert document("run", "-C", fresh)["value"] == 132.75


def test_init_without_a_file_writes_a_model_that_checks(tmp_path):
    krets("init", "-C", tmp_path)
    assert "sources:" in (tmp_path / "krets.yaml").read_text(encoding="utf-8")


def test_init_from_a_missing_file(tmp_path):
    done = krets("init", "-C", tmp_path, "--from", tmp_path / "none.csv", code=3)
    assert "none.csv" in done.stderr
