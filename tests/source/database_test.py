"""Sources in other databases, each a real one."""

import secrets
import sqlite3

import pytest

import server
from project import Project, column

TABLE = """
create table orders (id integer primary key, customer varchar(40), bought timestamp,
                     amount decimal(10,2), note varchar(40));
insert into orders values
  (1, 'a', '2026-01-01 10:00:00', 10.25, 'räksmörgås'),
  (2, 'a', '2026-01-02 10:00:00', 20.50, null),
  (3, 'b', '2026-01-03 10:00:00', 30.00, 'x'),
  (4, null, '2026-01-04 10:00:00', 99.00, 'nobody');
"""
MORE = "insert into orders values (5, 'b', '2026-02-01 10:00:00', 1.25, 'later')"
SOURCE = """
connect: "${SHOP_URL}"
query: select * from orders
customer: customer
time: bought
event: order
id: id
"""


def check_orders(project):
    assert project.run() == {"buyers": (2, 60.75), "several": (1, 30.75)}
    profile = project.profile()
    assert profile["rows"] == 4
    assert profile["customers"]["nulls"] == 1
    assert column(profile, "amount")["type"] == "decimal"
    assert column(profile, "amount")["sum"] == 159.75
    again = project.krets("import")
    assert again.returncode == 0 and "unchanged" in again.stderr


def check_cursor(project, add_rows):
    project.write(SOURCE + "cursor: bought\n")
    assert project.run()["buyers"] == (2, 60.75)
    add_rows()
    assert project.run() == {"buyers": (2, 62.0), "several": (2, 62.0)}
    assert project.krets("import").returncode == 0
    assert project.run()["buyers"] == (2, 62.0)


def check_refused(project, password):
    done = project.krets("import")
    assert done.returncode == 3
    assert "order" in done.stderr
    assert password not in done.stderr + done.stdout


def test_source_postgres(tmp_path):
    password = secrets.token_urlsafe(12) + "@/"
    quoted = password.replace("@", "%40").replace("/", "%2F")
    with server.postgres(tmp_path, password) as port:
        server.psql(port, password, TABLE)
        url = "postgres" + f"://krets:{quoted}" + f"@127.0.0.1:{port}/postgres"
        project = Project(tmp_path, SOURCE, {"SHOP_URL": url})
        check_orders(project)
        check_cursor(project, lambda: server.psql(port, password, MORE))
        wrong = Project(tmp_path, SOURCE, {"SHOP_URL": url.replace(quoted, quoted + "x")})
        check_refused(wrong, quoted)
        check_refused(wrong, password)


def test_source_postgres_refused_connection_shows_no_password(tmp_path):
    password = secrets.token_urlsafe(12)
    url = "postgres" + f"://krets:{password}" + f"@127.0.0.1:{server.free_port()}/shop"
    check_refused(Project(tmp_path, SOURCE, {"SHOP_URL": url}), password)


def test_source_mysql(tmp_path):
    password = secrets.token_urlsafe(12)
    with server.mariadb(tmp_path, password) as (port, sql):
        done = sql("use shop; " + TABLE)
        assert done.returncode == 0, done.stderr
        url = "mysql" + f"://krets:{password}" + f"@127.0.0.1:{port}/shop"
        project = Project(tmp_path, SOURCE, {"SHOP_URL": url})
        check_orders(project)
        check_cursor(project, lambda: sql("use shop; " + MORE))
        check_refused(Project(tmp_path, SOURCE, {"SHOP_URL": url.replace(password, password + "x")}),
                      password)


def test_source_sqlite(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.executescript(TABLE)
    project = Project(tmp_path, SOURCE, {"SHOP_URL": "sqlite://shop.db"})
    check_orders(project)

    def add_rows():
        with sqlite3.connect(tmp_path / "shop.db") as database:
            database.execute(MORE)

    check_cursor(project, add_rows)


def test_source_without_its_variable_is_refused(tmp_path):
    done = Project(tmp_path, SOURCE).krets("import")
    assert done.returncode == 2
    assert "SHOP_URL" in done.stderr


@pytest.mark.parametrize("address", ["oracle" + "://x", "nonsense"])
def test_source_of_an_unknown_scheme_is_refused(tmp_path, address):
    done = Project(tmp_path, SOURCE, {"SHOP_URL": address}).krets("import")
    assert done.returncode in (2, 3)
    assert "postgres" in done.stderr
