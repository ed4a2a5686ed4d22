"""What the documents say is true of the program: models, expressions, commands, output."""

import json
import os
import re
import shlex
import sqlite3
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KRETS = os.environ["KRETS"]
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def blocks(name):
    """(language, file name or None, text) of each fenced block."""
    return [(b[1], b[2], b[3]) for b in FENCE.finditer(read(name))]


def krets(folder, *arguments):
    return subprocess.run([KRETS, *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=60, check=False)


def steady(output):
    """Without what differs between runs and machines: seconds, versions."""
    output = re.sub(r"\d+\.\d\d s\b", "N s", output)
    return re.sub(r"\(time zones: system \w+\)", "(time zones: system X)", output)


def test_start_runs_as_it_stands(tmp_path):
    """Files are written, commands run in order, and output is what the page shows."""
    output, commands = None, 0
    for language, name, text in blocks("docs/user/start.md"):
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif language == "sh":
            output = ""
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                assert words[0] == "krets", line
                done = krets(tmp_path, *words[1:])
                assert done.returncode == 0, (line, done.stdout, done.stderr)
                output += done.stdout
                commands += 1
        elif language == "text":
            assert steady(output) == steady(text)
            output = None
        elif text.startswith("# Made by `krets init`"):
            assert (tmp_path / "krets.yaml").read_text(encoding="utf-8") == text
    assert commands >= 10
    for result in ("segments.csv", "customers.parquet", "report.html"):
        assert (tmp_path / "out" / result).stat().st_size > 0


ORDER = {"amount": 12.5, "coupon": "SPRING", "product": "lamp", "channel": "web",
         "shipped_at": "2026-02-03T08:00:00Z",
         "products": [{"name": "lamp", "price": 6.25, "quantity": 2, "category": "books"}]}
EVENTS = [
    ("order", ORDER), ("booking", {}), ("complaint", {}), ("add_to_cart", {}),
    ("page", {"url": "/sale/lamps", "product": "lamp"}), ("mail", {"campaign": "spring"}),
]
PEOPLE = [{"customer": "a", "birth_date": "1984-02-29", "city": "Leeds", "newsletter": True,
           "plan": "gold", "renewal": "2027-01-01", "signed_up": "2025-05-01T10:00:00Z",
           "interests": ["lamps"], "lat": 53.8, "lon": -1.55}]
METRICS = {"recency": "days_since(last(order))", "frequency": "count(order)",
           "monetary": "sum(order.amount)"}


def write_world(folder):
    """Events and traits with every name that the reference's expressions use."""
    events = [{"customer": "a", "time": f"2026-02-0{i + 1}T12:00:00Z", "event": name, **more}
              for i, (name, more) in enumerate(EVENTS)]
    for name, rows in (("events.jsonl", events), ("people.jsonl", PEOPLE)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_model(folder, expressions):
    model = {
        "krets": 1, "country": "GB", "now": "last event",
        "sources": {
            "events": {"file": "events.jsonl", "customer": "customer", "time": "time",
                       "event": {"column": "event"}},
            "people": {"file": "people.jsonl", "kind": "traits", "customer": "customer"}},
        "metrics": METRICS | {f"m{i}": text for i, text in enumerate(expressions)},
        "segments": {"lapsed": "recency > 90"},
    }
    (folder / "krets.yaml").write_text(json.dumps(model, indent=1), encoding="utf-8")


def expressions_of(kind):
    """(expression, comment) of each line of the reference's blocks of a kind."""
    lines = [line for language, name, text in blocks("docs/user/model.md")
             if language == "krets" and name == kind for line in text.splitlines()]
    return [tuple(part.strip() for part in (line + " -- ").split(" -- ")[:2]) for line in lines]


def examples_of_tables():
    """The last column of the tables whose last title is `example`."""
    found, is_inside = [], False
    for line in read("docs/user/model.md").splitlines():
        if not line.startswith("|"):
            is_inside = False
        elif line.endswith("| example |"):
            is_inside = True
        elif is_inside and not line.startswith("|---"):
            found.append(re.search(r"`([^`]+)` \|$", line)[1])
    return found


def test_expressions_of_the_reference_compile_and_agree_with_sql(tmp_path):
    expressions = [text for text, _ in expressions_of(None)] + examples_of_tables()
    assert len(expressions) > 70
    write_world(tmp_path)
    write_model(tmp_path, expressions)
    checked = krets(tmp_path, "check", "--json")
    assert json.loads(checked.stdout) == {"fine": True, "diagnostics": []}
    assert krets(tmp_path, "run").returncode == 0
    proved = krets(tmp_path, "verify")
    assert proved.returncode == 0, proved.stdout


def problems(folder, expressions):
    """The messages of each expression's errors."""
    write_model(folder, expressions)
    done = krets(folder, "check", "--json")
    assert done.returncode == 1, done.stderr
    lines = (folder / "krets.yaml").read_text(encoding="utf-8").splitlines()
    found = {i: [] for i in range(len(expressions))}
    for item in json.loads(done.stdout)["diagnostics"]:
        key = re.match(r'\s*"m(\d+)"', lines[item["line"] - 1])
        if key and item["severity"] == "error":
            found[int(key[1])].append(item["message"])
    return found


def test_errors_of_the_reference_are_errors_that_say_so(tmp_path):
    write_world(tmp_path)
    wrong = expressions_of("error")
    found = problems(tmp_path, [text for text, _ in wrong])
    for i, (text, part) in enumerate(wrong):
        assert any(part in message for message in found[i]), (text, part, found[i])


def test_what_is_not_available_yet_says_so(tmp_path):
    write_world(tmp_path)
    later = [text for text, _ in expressions_of("later")]
    found = problems(tmp_path, later)
    for i, text in enumerate(later):
        assert any("not available yet" in message for message in found[i]), (text, found[i])


def whole_models():
    for page in ("README.md", "docs/user/model.md"):
        for language, _, text in blocks(page):
            if language == "yaml" and re.match(r"(#.*\n)*krets: 1\b", text):
                yield page, text


def test_whole_models_are_fine(tmp_path, monkeypatch):
    (tmp_path / "orders.csv").write_text(
        "customer_id,ordered_at,amount\na,2026-01-01 12:00,5.00\nb,2026-02-01 12:00,7.50\n")
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "a.csv").write_text(
        "LineID,CustomerID,InvoiceDate,Quantity,UnitPrice,Country\n"
        "1,17850,2026-01-01 12:00,6,2.55,France\n")
    (tmp_path / "vips.csv").write_text("17850\n")
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("create table people(id text, updated_at text, birth_date text, city text)")
        database.execute("insert into people values('17850', '2026-01-01', '1984-02-29', 'Leeds')")
    monkeypatch.setenv("CRM_URL", "sqlite://crm.db")
    models = list(whole_models())
    assert {page for page, _ in models} == {"README.md", "docs/user/model.md"}
    for page, text in models:
        (tmp_path / "krets.yaml").write_text(text, encoding="utf-8")
        done = krets(tmp_path, "check")
        assert done.returncode == 0, (page, done.stdout, done.stderr)


def keys_named(section):
    """The words in backticks of a section's JSON paragraph."""
    text = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", read("docs/user/commands.md"), re.M | re.S)[1]
    return set(re.findall(r"`(\w+)`", text.split("\nJSON: ", 1)[1].split("\n\n")[0]))


def test_commands_and_options_are_those_of_the_program():
    page = read("docs/user/commands.md")
    general = krets(TOP, "--help").stdout
    commands = re.findall(r"^  ([a-z]+) ", general.split("Options of all")[0], re.M)
    assert len(commands) == 13
    titles = re.findall(r"^## ([a-z]+)$", page, re.M)
    assert titles == commands
    helps = general + "".join(krets(TOP, name, "--help").stdout for name in commands)
    option = re.compile(r"(?<![\w-])(--[a-z]+|-[Ch])(?![\w-])")
    assert set(option.findall(page)) - {"--version"} == set(option.findall(helps))
    assert krets(TOP, "--version").stdout == krets(TOP, "version").stdout


def test_json_has_what_the_page_says(tmp_path):
    write_world(tmp_path)
    write_model(tmp_path, ["ntile(monetary, 2)"])
    calls = {
        "check": ["check"], "import": ["import"], "run": ["run"], "fit": ["fit"],
        "members": ["members", "lapsed"], "explain": ["explain", "a", "lapsed"],
        "verify": ["verify"], "profile": ["profile"], "version": ["version"],
    }
    for section, call in calls.items():
        done = krets(tmp_path, *call, "--json")
        assert done.returncode == 0, (call, done.stdout, done.stderr)
        missing = set(json.loads(done.stdout)) - keys_named(section)
        assert not missing, (section, missing)
    segments = json.loads(krets(tmp_path, "run", "--json").stdout)["segments"]
    titles = (tmp_path / "out" / "segments.csv").read_text(encoding="utf-8").splitlines()[0]
    assert list(segments[0]) == titles.split(",")
    assert all(f"`{title}`" in read("docs/user/commands.md") for title in titles.split(","))


def test_exit_statuses_are_those_of_the_page(tmp_path):
    assert krets(tmp_path, "run").returncode == 2  # no model
    write_world(tmp_path)
    write_model(tmp_path, ["count(order)"])
    assert krets(tmp_path, "members", "lapsed").returncode == 3  # no data yet
    assert krets(tmp_path, "run").returncode == 0
    write_model(tmp_path, ["count("])
    assert krets(tmp_path, "check").returncode == 1
    assert krets(tmp_path, "run").returncode == 2
    failed = krets(tmp_path, "run", "--json")
    assert set(json.loads(failed.stdout)["error"]) == {"status", "message"}


def test_the_database_example_imports_and_adds_what_is_newer(tmp_path, monkeypatch):
    examples = [text for language, _, text in blocks("docs/user/start.md")
                if language == "yaml" and "SHOP_DATABASE" in text]
    (tmp_path / "krets.yaml").write_text("krets: 1\n" + examples[0], encoding="utf-8")
    monkeypatch.setenv("SHOP_DATABASE", "sqlite://shop.db")
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table orders(customer_id, ordered_at, order_id, amount, coupon,"
                         " updated_at)")
        row = "insert into orders values('a', ?, ?, 5.5, null, ?)"
        database.execute(row, ("2026-01-01 12:00", 1, "2026-01-01 12:00"))
    assert krets(tmp_path, "import").stdout.startswith("1 events")
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute(row, ("2026-01-02 12:00", 2, "2026-01-02 12:00"))
    assert krets(tmp_path, "import").stdout.startswith("2 events")
    assert "unchanged" in krets(tmp_path, "import").stderr


def test_remote_examples_are_well_formed(tmp_path):
    """The addresses lead nowhere, so only the model's own errors are looked for."""
    examples = [text for language, _, text in blocks("docs/user/start.md")
                if language == "yaml" and "//" in text and "connect" not in text]
    assert len(examples) == 2
    for text in examples:
        local = re.sub(r'"(s3|https)://[^"]*"', "absent.csv", text)
        (tmp_path / "krets.yaml").write_text("krets: 1\n" + local, encoding="utf-8")
        done = krets(tmp_path, "check")
        assert done.returncode == 3 and "absent.csv" in done.stderr, done.stderr
