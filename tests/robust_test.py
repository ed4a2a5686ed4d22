"""Wrong, odd and damaged input, as people meet it: the answer is right, or the message says which
record, why, and what to do. KRETS is the program."""

import csv
import json
import os
import signal
import subprocess
import time

import pytest

KRETS = os.environ["KRETS"]
MODEL = """krets: 1
timezone: UTC
now: last event
value: "sum(order.amount)"
sources:
  orders: { file: orders.csv, customer: customer, time: time, event: order }
metrics:
  spent: "sum(order.amount)"
segments:
  buyers: "sum(order.amount) >= 5"
"""
HEADER = "customer,time,amount\n"
ROWS = HEADER + "a,2024-01-01,5\nb,2024-01-02,6\n"


def shop(folder, orders, model=MODEL):
    (folder / "krets.yaml").write_text(model, encoding="utf-8")
    content = orders if isinstance(orders, bytes) else orders.encode()
    (folder / "orders.csv").write_bytes(content)
    return folder


def krets(folder, *arguments, status=0, **options):
    done = subprocess.run([KRETS, *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=60, check=False, **options)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def totals(folder):
    """Runs, verifies, and gives each segment's customers and money."""
    krets(folder, "run")
    krets(folder, "verify")
    with open(folder / "out/segments.csv", encoding="utf-8", newline="") as file:
        return {row["segment"]: (int(row["customers"]), row["value"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("content", [
    ROWS.replace("\n", "\r\n"), "\ufeff" + ROWS, ROWS.encode("utf-16"), ROWS.rstrip("\n"),
    ROWS.replace(",", ";"), ROWS.replace(",", "\t"), ROWS.replace("a,", '"a",'),
    ROWS.replace("2024-01-01", "2024-01-01T10:00:00+05:30"),
    ROWS.replace("2024-01-01", "13/12/2023").replace("2024-01-02", "31/12/2023"),
    ROWS.replace("2024-01-01", "1704067200").replace("2024-01-02", "1704153600"),
    ROWS.replace("2024-01-01", "1704067200000").replace("2024-01-02", "1704153600000"),
    ROWS.replace(",", ";").replace(";5", ";5,0").replace(";6", ";6,0"),
    ROWS.replace("a,", "å,").encode("latin-1"),
    ROWS.replace("amount", "amount,amount").replace(",5", ",5,1").replace(",6", ",6,2"),
], ids=["crlf", "bom", "utf-16", "no last line end", "semicolons", "tabs", "quoted", "offset",
        "day first", "epoch seconds", "epoch milliseconds", "decimal comma", "latin-1",
        "repeated column"])
def test_the_same_shop_however_it_is_written(tmp_path, content):
    assert totals(shop(tmp_path, content)) == {"buyers": (2, "11")}


def test_what_is_left_out_is_said_when_it_is_imported(tmp_path):
    shop(tmp_path, ROWS + "c,2024-01-02\nd,2024-01-02,7,8,9\n" + "e,2024-01-02,3\n" * 60
         + "f,2024-01-02,many\n")
    said = krets(tmp_path, "run").stderr
    assert "rows left out: 2" in said and "values rejected: 1" in said and "profile" in said
    profile = krets(tmp_path, "profile").stdout
    for part in ("line 4: c,2024-01-02", "line 5: d,2024-01-02,7,8,9", "line 66: many"):
        assert part in profile


def test_a_number_out_of_bounds_does_not_hide_the_other_findings(tmp_path):
    shop(tmp_path, HEADER + "a,2024-01-01,1e308\na,2024-01-01,1e308\nb,2024-01-01,1e400\n"
         "c,2024-01-01\nd,2024-01-01,7.5\n")
    assert "rows left out: 1" in krets(tmp_path, "run").stderr
    assert "line 5: c,2024-01-01" in krets(tmp_path, "profile").stdout
    explained = krets(tmp_path, "explain", "a").stdout
    assert "spent = nothing" in explained  # out of range, not infinite


def test_money_beyond_the_bounds_of_a_sum_is_said(tmp_path):
    shop(tmp_path, HEADER + "a,2024-01-01,123456789012345678901234567890.5\nb,2024-01-01,1\n")
    assert "customers beyond 1e+24 either way count as that much: 1" in krets(tmp_path, "run").stderr


def test_a_file_with_only_a_header_has_no_events(tmp_path):
    model = MODEL.replace("last event", "2024-02-01")
    assert totals(shop(tmp_path, HEADER, model)) == {"buyers": (0, "0")}


@pytest.mark.parametrize("content, reason", [
    ("", "orders.csv is empty"), (None, "orders.csv: No such file"),
], ids=["empty", "missing"])
def test_a_source_that_cannot_be_read_is_named(tmp_path, content, reason):
    shop(tmp_path, content or "")
    if content is None:
        (tmp_path / "orders.csv").unlink()
    assert reason in krets(tmp_path, "run", status=3).stderr


def test_names_become_columns_whatever_they_are(tmp_path):
    model = MODEL + "  Customer: \"did(order)\"\n  SPENT: \"spent > 5\"\n  \"a b.c\": \"did(order)\"\n"
    assert totals(shop(tmp_path, ROWS, model)) == {
        "buyers": (2, "11"), "Customer": (2, "11"), "SPENT": (1, "6"), "a b.c": (2, "11")}
    shop(tmp_path, ROWS, MODEL + "  Buyers: \"did(order)\"\n")
    assert "differ only in case" in krets(tmp_path, "run", status=2).stderr


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(content[:len(content) // 2])
    else:
        content[200 if how == "first bytes" else len(content) // 2] ^= 0x41
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["missing", "cut", "first bytes", "middle"])
def test_a_damaged_file_of_the_store_is_named_with_what_to_do(tmp_path, how):
    orders = "".join(f"c{i % 70},2024-01-{1 + i % 28:02},{i}.5\n" for i in range(2000))
    krets(shop(tmp_path, HEADER + orders), "run")
    file = next((tmp_path / "krets-data/events").glob("*/*.parquet"))
    damage(file, how)
    said = krets(tmp_path, "verify", status=3).stderr
    assert f"{file.parent.name}/{file.name}" in said and "remove the data folder" in said
    assert "LINE" not in said
    if how in ("missing", "cut"):
        assert file.name in krets(tmp_path, "run", status=3).stderr


def test_a_list_that_cannot_be_written_whole_is_an_error(tmp_path):
    krets(shop(tmp_path, ROWS), "run")
    with open("/dev/full", "w", encoding="utf-8") as full:
        for arguments in (["members", "buyers"], ["explain", "a"], ["run", "--json"]):
            done = subprocess.run([KRETS, *arguments], cwd=tmp_path, stdout=full, timeout=60,
                                  stderr=subprocess.PIPE, text=True, check=False)
            assert done.returncode == 4 and "standard output" in done.stderr


def test_out_that_is_a_file_is_named(tmp_path):
    shop(tmp_path, ROWS)
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    said = krets(tmp_path, "run", status=3).stderr
    assert "out (File exists)" in said and "--out" in said
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_a_run_killed_at_any_moment_is_repaired_by_the_next(tmp_path):
    rows = "".join(f"c{i % 900},2024-0{1 + i % 9}-01,{i}\n" for i in range(40000))
    for turn in range(8):
        shop(tmp_path, HEADER + rows + f"z,2024-01-01,{turn}\n" * (turn + 1))
        run = subprocess.Popen([KRETS, "run"], cwd=tmp_path, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        time.sleep(0.04 * turn)
        run.send_signal(signal.SIGKILL)
        run.wait()
        document = json.loads(krets(tmp_path, "run", "--json").stdout)
        assert document["customers"] == 901
        assert document["value"] == 40000 * 39999 // 2 + turn * (turn + 1)
        krets(tmp_path, "verify")
