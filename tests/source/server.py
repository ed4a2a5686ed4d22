"""Real servers on loopback, on free ports, ended by their own process id."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(*names):
    """The first of the programs that is there, also where Debian hides PostgreSQL's."""
    places = [str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    for name in names:
        found = shutil.which(name, path=os.pathsep.join(
            [os.environ.get("PATH", ""), "/usr/sbin", *places]))
        if found:
            return found
    raise RuntimeError(f"none of {names} is installed")


def wait_until(ready, process, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        if ready():
            return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


@contextlib.contextmanager
def running(command, ready, log, **options):
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)
        try:
            wait_until(ready, process)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def as_postgres(command):
    """PostgreSQL refuses to be run by root."""
    if os.getuid() != 0:
        return command
    return ["runuser", "-u", "postgres", "--", *command]


@contextlib.contextmanager
def postgres(folder, password):
    """A PostgreSQL server with the user `krets`; yields its port."""
    # A folder of its own: pytest closes its folders to all users but root, whenever it starts.
    home = Path(tempfile.mkdtemp(prefix="krets-postgres-"))
    word = home / "password"
    word.write_text(password)
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (home, word):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    data = home / "data"
    subprocess.run(
        as_postgres([program("initdb"), "-D", str(data), "-U", "krets", "-A", "scram-sha-256",
                     "--pwfile", str(word), "-E", "UTF8", "--no-sync"]),
        check=True, capture_output=True, cwd="/")
    port = free_port()
    ready = program("pg_isready")
    command = as_postgres([
        program("postgres"), "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
        "-c", f"unix_socket_directories={home}", "-c", "fsync=off"])
    try:
        with running(command,
                     lambda: subprocess.run([ready, "-q", "-h", "127.0.0.1", "-p", str(port)],
                                            check=False).returncode == 0,
                     folder / "postgres.log", cwd="/"):
            yield port
    finally:
        shutil.rmtree(home, ignore_errors=True)


def psql(port, password, sql):
    subprocess.run(
        [program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port),
         "-U", "krets", "postgres"],
        input=sql, text=True, check=True, capture_output=True,
        env=dict(os.environ, PGPASSWORD=password))


@contextlib.contextmanager
def mariadb(folder, password):
    """A MariaDB server with the user `krets`; yields its port and a function that runs SQL."""
    data = folder / "mariadb"
    me = pwd.getpwuid(os.getuid()).pw_name
    subprocess.run(
        [program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", f"--user={me}",
         "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, capture_output=True)
    port = free_port()
    socket_path = folder / "m.sock"

    def sql(text):
        return subprocess.run(
            [program("mariadb"), "--no-defaults", f"--socket={socket_path}", "-u", "root"],
            input=text, text=True, check=False, capture_output=True)

    command = [program("mariadbd"), "--no-defaults", f"--user={me}", f"--datadir={data}",
               f"--port={port}", "--bind-address=127.0.0.1", f"--socket={socket_path}",
               f"--pid-file={folder / 'm.pid'}", "--innodb-buffer-pool-size=16M"]
    with running(command, lambda: sql("select 1").returncode == 0, folder / "mariadb.log"):
        made = sql(f"create database shop character set utf8mb4; "
                   f"create user krets@'127.0.0.1' identified by '{password}'; "
                   f"grant all on shop.* to krets@'127.0.0.1';")
        assert made.returncode == 0, made.stderr
        yield port, sql
