"""Sources behind https:// and s3://, on loopback."""

import contextlib
import functools
import http.server
import secrets
import ssl
import threading

import pytest
import trustme
from moto.server import ThreadedMotoServer

import boto3
import duckdb
import server
from file_test import EXPECTED, FIELDS, HEADER, ROWS
from project import Project


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def https_server(folder, authority):
    handler = functools.partial(QuietHandler, directory=str(folder))
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    web.socket = context.wrap_socket(web.socket, server_side=True)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{web.server_address[1]}"
    finally:
        web.shutdown()
        web.server_close()


def write_files(folder):
    folder.mkdir()
    (folder / "orders.csv").write_text(HEADER + ROWS)
    duckdb.sql(f"copy (from read_csv('{folder}/orders.csv')) to '{folder}/orders.parquet'")


@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet"])
def test_source_https_with_its_own_authority(tmp_path, name):
    write_files(tmp_path / "web")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with https_server(tmp_path / "web", authority) as address:
        trusting = Project(tmp_path, f"file: {address}/{name}" + FIELDS,
                           {"SSL_CERT_FILE": str(tmp_path / "authority.pem")})
        assert trusting.run() == EXPECTED
        assert "unchanged" in trusting.krets("import").stderr


def test_source_https_of_an_unknown_authority_is_refused(tmp_path):
    write_files(tmp_path / "web")
    with https_server(tmp_path / "web", trustme.CA()) as address:
        done = Project(tmp_path, f"file: {address}/orders.csv" + FIELDS).krets("import")
    assert done.returncode == 3
    assert "orders.csv" in done.stderr


@pytest.mark.parametrize("name", ["in/*.csv", "in/orders.parquet"])
def test_source_s3(tmp_path, name):
    write_files(tmp_path / "in")
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=server.free_port(), verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        keys = {"AWS_ACCESS_KEY_ID": secrets.token_hex(8), "AWS_SECRET_ACCESS_KEY": secrets.token_hex(8)}
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
                              aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
                              aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"])
        client.create_bucket(Bucket="shop")
        for path in (tmp_path / "in").iterdir():
            client.upload_file(str(path), "shop", f"in/{path.name}")
        project = Project(tmp_path, f"file: s3://shop/{name}" + FIELDS, {
            **keys, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://{host}:{port}"})
        assert project.run() == EXPECTED
        assert "unchanged" in project.krets("import").stderr
    finally:
        moto.stop()
