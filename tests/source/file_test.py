"""Sources in files of every kind."""

import datetime
import json

import openpyxl

import duckdb
from project import Project, column, finding

HEADER = "customer,time,amount,note\n"
ROWS = "a,2026-01-01 10:00:00,10.25,x\na,2026-01-02 10:00:00,20.50,\nb,2026-01-03 10:00:00,30.00,y\n"
FIELDS = "\ncustomer: customer\ntime: time\nevent: order"
EXPECTED = {"buyers": (2, 60.75), "several": (1, 30.75)}


def test_source_csv(tmp_path):
    (tmp_path / "orders.csv").write_text(HEADER + ROWS)
    project = Project(tmp_path, "file: orders.csv" + FIELDS)
    assert project.run() == EXPECTED
    profile = project.profile()
    assert profile["csv"]["delimiter"] == ","
    assert column(profile, "amount")["type"] == "decimal"
    assert column(profile, "note")["nulls"] == 1


def test_source_csv_malformed_lines_are_told_by_line_and_text(tmp_path):
    (tmp_path / "orders.csv").write_text(
        HEADER + 'a,2026-01-01,1,"two\nlines"\n\na,2026-01-02\n,2026-01-03,1,z\nb,soon,1,z\n' + ROWS)
    project = Project(tmp_path, "file: orders.csv" + FIELDS)
    project.run()
    profile = project.profile()
    missing = finding(profile, "left_out", "malformed line: missing columns")
    assert missing["count"] == 1
    assert missing["examples"][0]["line"] == 5
    assert missing["examples"][0]["value"] == "a,2026-01-02"
    assert finding(profile, "left_out", "no customer")["examples"][0]["line"] == 6
    unread = finding(profile, "left_out", "time cannot be read")
    assert (unread["examples"][0]["line"], unread["examples"][0]["value"]) == (7, "soon")


def test_source_windows_1252_with_decimal_commas(tmp_path):
    text = ("kund;datum;belopp;ort\n"
            "å1;31.01.2026 12:00;1.234,50;Malmö\n"
            "å1;01.02.2026 12:00;7,25;Göteborg – Hisingen\n"
            "ö2;02.02.2026 12:00;3,00;€ur\n")
    (tmp_path / "orders.csv").write_bytes(text.encode("windows-1252"))
    project = Project(tmp_path, """
file: orders.csv
customer: kund
time: datum
event: order
properties: { amount: belopp, city: ort }
""")
    assert project.run() == {"buyers": (2, 1244.75), "several": (1, 1241.75)}
    profile = project.profile()
    assert profile["csv"]["encoding"] == "windows-1252"
    assert profile["csv"]["decimal"] == ","
    assert profile["time_format"] == "day/month/year"
    assert {t["value"] for t in column(profile, "ort")["top"]} == {
        "Malmö", "Göteborg – Hisingen", "€ur"}


def test_source_utf_16(tmp_path):
    (tmp_path / "orders.csv").write_bytes((HEADER + ROWS.replace("x", "ж")).encode("utf-16"))
    project = Project(tmp_path, "file: orders.csv" + FIELDS)
    assert project.run() == EXPECTED
    assert column(project.profile(), "note")["max"] == "ж"


def test_source_tsv(tmp_path):
    (tmp_path / "orders.tsv").write_text((HEADER + ROWS).replace(",", "\t"))
    project = Project(tmp_path, "file: orders.tsv" + FIELDS)
    assert project.run() == EXPECTED
    assert project.profile()["csv"]["delimiter"] == "\t"


def test_source_glob_of_files_whose_columns_differ_in_order(tmp_path):
    (tmp_path / "in").mkdir()
    lines = ROWS.splitlines()
    (tmp_path / "in" / "1.csv").write_text(HEADER + lines[0] + "\n" + lines[1] + "\n")
    (tmp_path / "in" / "2.csv").write_text("time,customer,amount\n2026-01-03,b,30.00\n2026-01-04,,1\n")
    project = Project(tmp_path, "file: in/*.csv" + FIELDS)
    assert project.run() == EXPECTED
    nobody = finding(project.profile(), "left_out", "no customer")["examples"][0]
    assert nobody["file"].endswith("in/2.csv")
    assert nobody["line"] == 3


def nested():
    return [
        {"customer": 17, "time": "2026-01-01T10:00:00Z", "event": "order", "amount": 10.25,
         "address": {"city": "Oslo"}, "tags": ["new", "web"],
         "items": [{"sku": "s1", "price": 4.0, "count": 2}, {"sku": "s2", "price": 2.25, "count": 1}]},
        {"customer": "b", "time": "2026-01-02T10:00:00+02:00", "event": "order", "amount": 5,
         "items": [{"sku": "s1", "price": 4.0, "count": 1}]},
    ]


ITEMS = """segments:
  from_oslo: "did(order where address.city = 'Oslo')"
  tagged_web: "did(order where has(tags, 'web'))"
  much: "sum(order[items].(price * count)) > 10"
  big_basket: "count(order[items] where parent.amount > 6) = 2"
"""


def check_nested(project):
    model = project.folder / "krets.yaml"
    model.write_text(model.read_text().replace("segments:\n", ITEMS))
    result = project.run()
    for segment in ("from_oslo", "tagged_web", "much", "big_basket"):
        assert result[segment][0] == 1, segment
    assert result["buyers"] == (2, 15.25)


def test_source_json_lines_nested(tmp_path):
    lines = [json.dumps(row) for row in nested()]
    (tmp_path / "orders.jsonl").write_text(lines[0] + '\n{"customer": \n\n' + lines[1] + "\n")
    project = Project(tmp_path, "file: orders.jsonl" + FIELDS)
    check_nested(project)
    bad = finding(project.profile(), "left_out", "malformed line")
    assert bad["count"] == 1
    assert bad["examples"][0]["line"] == 2


def test_source_parquet_nested(tmp_path):
    (tmp_path / "rows.json").write_text("\n".join(
        json.dumps({**row, "customer": str(row["customer"])}) for row in nested()))
    duckdb.sql(f"copy (from read_json('{tmp_path}/rows.json')) to '{tmp_path}/orders.parquet'")
    check_nested(Project(tmp_path, "file: orders.parquet" + FIELDS))


def test_source_excel(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["customer", "time", "amount", "code"])
    sheet.append([17850, datetime.datetime(2026, 1, 1, 10, 0), 10.25, "007"])
    sheet.append([17850, datetime.datetime(2026, 1, 2, 10, 0), 20.5, "008"])
    sheet.append([17851, datetime.datetime(2026, 1, 3, 10, 0), 30, None])
    book.save(tmp_path / "orders.xlsx")
    project = Project(tmp_path, "file: orders.xlsx" + FIELDS)
    assert project.run() == EXPECTED
    members = project.krets("members", "several")
    assert "17850" in members.stdout and "17850.0" not in members.stdout
    assert column(project.profile(), "code")["type"] == "text"


def test_source_query_over_lines_of_fixed_width(tmp_path):
    (tmp_path / "log.txt").write_text(
        " 00001 20260101  1   10.25\n 00001 20260102  5   20.50\n 00002 20260103  2   30.00\n")
    project = Project(tmp_path, """
query: >-
  select substr(line, 2, 5) as customer, substr(line, 8, 8) as time,
  cast(trim(substr(line, 19)) as decimal(18,2)) as amount
  from read_csv('log.txt', columns = {'line': 'VARCHAR'}, delim = '|', header = false,
  auto_detect = false)
customer: customer
time: time
event: order
""")
    assert project.run() == EXPECTED
    assert project.profile()["time_format"] == "yearmonthday"


def test_source_traits_without_time_append_only_what_changed(tmp_path):
    (tmp_path / "people.csv").write_text("customer,city,born\na,Oslo,1990-02-28\nb,Bergen,1980-01-01\n")
    model = tmp_path / "krets.yaml"
    project = Project(tmp_path, "file: people.csv\nkind: traits\ncustomer: customer")
    text = model.read_text()
    model.write_text("krets: 1\nname: test\n" + text[text.index("sources:"):] +
                     'metrics:\n  oslo: "count(order)"\nsegments:\n  in_oslo: "city = \'Oslo\'"\n')
    assert project.run()["in_oslo"][0] == 1
    (tmp_path / "people.csv").write_text("customer,city,born\na,Oslo,1990-02-28\nb,Oslo,1980-01-01\n")
    assert project.run()["in_oslo"][0] == 2
    assert project.profile()["stored_events"] == 3
    assert "unchanged" in project.krets("import").stderr


def test_source_that_changed_is_replaced_whole(tmp_path):
    (tmp_path / "orders.csv").write_text(HEADER + ROWS)
    project = Project(tmp_path, "file: orders.csv" + FIELDS)
    assert project.run() == EXPECTED
    (tmp_path / "orders.csv").write_text(HEADER + ROWS.splitlines()[0] + "\n")
    assert project.run() == {"buyers": (1, 10.25), "several": (0, 0)}


def test_source_file_that_is_missing_is_named(tmp_path):
    done = Project(tmp_path, "file: nowhere/*.csv" + FIELDS).krets("import")
    assert done.returncode == 3
    assert "nowhere/*.csv" in done.stderr
