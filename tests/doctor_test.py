"""`krets doctor`, and the index that comes back whatever happens to it."""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

KRETS = os.environ["KRETS"]
MODEL = """krets: 1
name: Doctor
timezone: UTC
now: 2024-07-01
sources:
  orders:
    file: orders.csv
    customer: who
    time: at
    event: { column: what }
metrics:
  orders: "count(order)"
segments:
  often: "orders >= 30"
"""
WHATS = ("order", "order", "visit", "return")


def krets(folder, *arguments, status=0):
    done = subprocess.run([KRETS, *map(str, arguments)], cwd=folder, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def document(folder, *arguments, status=0):
    return json.loads(krets(folder, *arguments, "--json", status=status).stdout)


def write_orders(folder, count):
    rows = "".join(f"c{i % 700},2024-01-{1 + i % 28:02}T{i % 24:02}:{i % 60:02}:00Z,"
                   f"{WHATS[i % 4]},{i % 97}.25,p{i % 13}\n" for i in range(count))
    (folder / "orders.csv").write_text("who,at,what,amount,product\n" + rows, encoding="utf-8")


@pytest.fixture(name="shop")
def make_shop(tmp_path):
    (tmp_path / "krets.yaml").write_text(MODEL, encoding="utf-8")
    write_orders(tmp_path, 20000)
    krets(tmp_path, "run")
    return tmp_path


def index_files(folder):
    """Name, time and size of each file of the index."""
    return sorted((str(file.relative_to(folder)), file.stat().st_mtime_ns, file.stat().st_size)
                  for file in (folder / "krets-data/index").rglob("*")
                  if file.is_file() and file.name != "lock")


def add_metric(folder, text):
    (folder / "krets.yaml").write_text(MODEL.replace("segments:", f"  {text}\nsegments:"),
                                       encoding="utf-8")


def damage(path, place):
    """Changes a byte about there that is not 0: those fill up sections and are not checked."""
    content = bytearray(path.read_bytes())
    wanted = int((len(content) - 1) * place)
    content[min((i for i, byte in enumerate(content) if byte),
                key=lambda i: abs(i - wanted))] ^= 0x55
    path.write_bytes(content)


# --- doctor ---------------------------------------------------------------------------------------

def test_a_whole_store_is_fine(shop):
    found = document(shop, "doctor")
    assert found["fine"] and found["findings"] == [] and found["history"]["events"] == 20000
    index = found["index"]
    assert index["state"] == "current" and index["events"] == 20000 and index["customers"] == 700
    assert index["bytes"] == sum(size for name, _, size in index_files(shop) if "roster" not in name)
    assert index["bytes_per_event"] == pytest.approx(index["bytes"] / 20000)
    assert index["built"].startswith("20") and index["version"] >= 1 and index["columns"] == []
    text = krets(shop, "doctor").stdout
    assert "20,000 events" in text and "bytes an event" in text and "fine" in text


def test_the_columns_of_the_index_are_listed(shop):
    add_metric(shop, 'money: "sum(order.amount)"')
    krets(shop, "run")
    assert document(shop, "doctor")["index"]["columns"] == [
        {"event": "order", "column": "amount", "type": "decimal"}]


def test_no_store_is_exit_status_3(tmp_path):
    (tmp_path / "krets.yaml").write_text(MODEL, encoding="utf-8")
    assert "krets import" in krets(tmp_path, "doctor", status=3).stderr


def test_the_model_is_not_needed(shop):
    (shop / "krets.yaml").write_text("krets: [", encoding="utf-8")
    assert document(shop, "doctor")["fine"]
    (shop / "krets.yaml").unlink()
    assert document(shop, "doctor", "--data", "krets-data")["fine"]


def test_a_damaged_history_is_named_with_what_to_do(shop):
    file = next((shop / "krets-data/events").glob("*/*.parquet"))
    damage(file, 0.5)
    found = document(shop, "doctor", status=1)
    assert not found["fine"] and found["findings"][0]["path"] == f"events/{file.parent.name}/{file.name}"
    text = krets(shop, "doctor", status=1).stdout
    assert file.name in text and "restore it from a backup" in text and "1 thing is wrong" in text


def test_a_damaged_control_database_is_found(shop):
    with sqlite3.connect(shop / "krets-data/krets.sqlite") as control:
        control.execute("insert into event values (99, 'ghost', 1, 0, 0)")
    finding, = document(shop, "doctor", status=1)["findings"]
    assert finding["path"] == "krets.sqlite" and "event" in finding["message"]


@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_every_file_of_the_index_is_checked(shop, place):
    for name, _, _ in index_files(shop):
        whole = (shop / name).read_bytes()
        damage(shop / name, place)
        found = document(shop, "doctor", status=1)
        assert found["index"]["state"] == "damaged", (name, place)
        assert "remove the folder krets-data/index" in found["findings"][0]["message"].replace("./", "")
        (shop / name).write_bytes(whole)
    assert document(shop, "doctor")["fine"]


def test_a_missing_or_outdated_index_is_no_fault(shop):
    write_orders(shop, 20001)
    krets(shop, "import")
    found = document(shop, "doctor")
    assert found["fine"] and found["index"]["state"] == "outdated"
    shutil.rmtree(shop / "krets-data/index")
    found = document(shop, "doctor")
    assert found["fine"] and found["index"]["state"] == "missing"


# --- the index comes back -------------------------------------------------------------------------

def test_an_index_that_is_good_is_left_alone(shop):
    before = index_files(shop)
    assert before
    done = krets(shop, "run", "--json")
    assert index_files(shop) == before and "index" not in done.stderr
    assert json.loads(done.stdout)["timings"]["index_s"] < 1
    krets(shop, "members", "often")
    assert index_files(shop) == before


@pytest.mark.parametrize("command", [["run"], ["members", "often"], ["verify"]])
def test_a_deleted_index_comes_back(shop, command):
    often = krets(shop, "members", "often").stdout
    shutil.rmtree(shop / "krets-data/index")
    assert "index: made" in krets(shop, *command).stderr
    assert index_files(shop) and krets(shop, "members", "often").stdout == often


def test_an_index_follows_the_history(shop):
    write_orders(shop, 20700) # one more of each customer
    before = document(shop, "run")
    assert document(shop, "doctor")["index"]["events"] == 20700
    assert document(shop, "verify")["differences"] == 0
    shutil.rmtree(shop / "krets-data")
    assert document(shop, "run")["segments"] == before["segments"]


@pytest.mark.parametrize("place", [0, 0.3, 0.6, 1])
def test_a_damaged_index_is_made_anew(shop, place):
    often = krets(shop, "members", "often").stdout
    for name, _, _ in index_files(shop):
        if not (shop / name).exists(): # of an index before
            continue
        damage(shop / name, place)
        done = krets(shop, "members", "often")
        assert done.stdout == often, name
    assert krets(shop, "verify") and document(shop, "doctor")["fine"]


def test_a_cut_or_missing_file_of_the_index_is_no_obstacle(shop):
    often = krets(shop, "members", "often").stdout
    for cut in (0, 0.5, None):
        for name, _, size in index_files(shop):
            if not (shop / name).exists():  # of an index before
                continue
            if cut is None:
                (shop / name).unlink()
            else:
                os.truncate(shop / name, int(size * cut))
            assert krets(shop, "members", "often").stdout == often
            assert document(shop, "doctor")["fine"]


def test_a_new_property_is_added_to_the_index(shop):
    before = index_files(shop)
    add_metric(shop, 'money: "sum(order.amount)"')
    done = krets(shop, "run")
    assert "1 column added" in done.stderr
    assert set(before) & set(index_files(shop))  # what was there is still there
    assert document(shop, "verify")["differences"] == 0
    add_metric(shop, 'lamps: "count(order where product = \'p3\') + distinct(visit.product)"')
    assert "2 columns added" in krets(shop, "run").stderr
    assert document(shop, "verify")["differences"] == 0
    assert len(document(shop, "doctor")["index"]["columns"]) == 3


def test_a_reader_that_may_not_write_makes_its_own(shop):
    often = krets(shop, "members", "often").stdout
    shutil.rmtree(shop / "krets-data/index")
    with open(shop / "krets-data/index.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = krets(shop, "members", "often")
        assert done.stdout == often and "in memory" in done.stderr
        assert not (shop / "krets-data/index").exists()
    done = krets(shop, "members", "often")
    assert done.stdout == often and "in memory" not in done.stderr and index_files(shop)


def test_the_memory_may_change_between_runs(shop):
    """Fewer bytes make more, smaller parts; the answers stay."""
    often = krets(shop, "members", "often").stdout
    shutil.rmtree(shop / "krets-data/index")
    assert krets(shop, "members", "often", "--memory", "80MB", "--threads", "3").stdout == often
    assert krets(shop, "members", "often", "--memory", "4GB", "--threads", "1").stdout == often
