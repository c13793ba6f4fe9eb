"""Places: a URL is read as a folder is, and what is wrong with it is said in one line."""

import base64
import http.server
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import pytest
from click.testing import CliRunner
from conftest import put
from fsspec.registry import known_implementations

from lib import params
from lib.cli import main
from lib.errors import InputError, hide_login, without_logins
from lib.files import places
from lib.params import studies


@pytest.fixture
def folder(tmp_path):
    """Two files and a folder with a third."""
    (tmp_path / "place" / "below").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "below/c.txt"):
        (tmp_path / "place" / name).write_bytes(name.encode())
    return tmp_path / "place"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("data/demo", str(params.ROOT / "data" / "demo")),
        (Path("/data/x/"), "/data/x"),
        ("~/x", os.path.expanduser("~/x")),
        ("file:///data/x/", "/data/x"),
        ("s3://bucket/x/", "s3://bucket/x"),
        ("memory://", "memory://"),
    ],
)
def test_absolute_means_the_same_everywhere(written, meant):
    assert places.absolute(written) == places.absolute(meant) == meant


def test_absolute_of_the_command_line_starts_where_it_stands(tmp_path):
    assert places.absolute("x", tmp_path) == str(tmp_path / "x")


def test_listing_of_a_url_is_that_of_the_folder_but_for_the_marks(folder, memory):
    here, there = places.listing(str(folder)), places.listing(put(folder, memory))
    assert list(here) == list(there) == ["a.txt", "b.txt", "below"]
    assert here["below"] is None and there["below"] is None
    assert here["a.txt"][0] == there["a.txt"][0] == 5


def test_listing_of_nothing_is_empty(folder, memory):
    before = places.listing(str(folder))
    for name, target in (("link", folder / "absent"), ("itself", "itself"), ("below_a_file", folder / "a.txt/x")):
        (folder / name).symlink_to(target)
    assert places.listing(str(folder)) == before
    for place in (str(folder), put(folder, memory)):
        assert places.listing(f"{place}/absent") == places.listing(f"{place}/a.txt") == {}
        assert not places.is_folder(f"{place}/absent") and places.is_folder(f"{place}/below")
        assert not places.exists(f"{place}/absent") and places.exists(f"{place}/a.txt")


def test_listing_of_a_folder_that_cannot_be_opened_is_refused():
    with pytest.raises(InputError, match="xx: the folder cannot be listed .File name too long"):
        places.listing("/" + "x" * 300)


def test_listing_mark_follows_the_content(folder, bucket):
    url = put(folder, f"{bucket}/x")
    before = places.listing(url)
    assert places.listing(url) == before
    put(folder, url)
    assert {n: a and a[0] for n, a in places.listing(url).items()} == {n: a and a[0] for n, a in before.items()}
    (folder / "a.txt").write_bytes(b"other")
    put(folder, url)
    after = places.listing(url)
    assert after["a.txt"][0] == before["a.txt"][0] and after["a.txt"][1] != before["a.txt"][1]
    assert after["b.txt"] == before["b.txt"]


def test_listing_is_not_that_of_before(folder, bucket):
    url = put(folder, f"{bucket}/x")
    places.listing(url)
    other = fsspec.filesystem("s3", skip_instance_cache=True)  # as another process writes
    other.pipe_file(f"{url}/d.txt", b"")
    assert "d.txt" in places.listing(url)


def test_read_gives_the_bytes_or_says_that_nothing_is_there(folder, memory, bucket):
    for url in (put(folder, memory), put(folder, f"{bucket}/x")):
        assert places.read(f"{url}/below/c.txt") == places.read(f"{folder}/below/c.txt") == b"below/c.txt"
        with pytest.raises(FileNotFoundError, match=f"{url}/absent"):
            places.read(f"{url}/absent")


def test_each_keeps_the_order_and_reads_several_of_a_url_at_a_time():
    urls = [f"memory://{k}" for k in range(2 * places.AT_ONCE)]
    meeting = threading.Barrier(places.AT_ONCE)

    def met(url):
        meeting.wait(timeout=20)
        return url

    assert list(places.each(met, urls)) == urls


def test_each_of_one_thread_reads_local_files_as_they_are_asked_for():
    seen = []
    results = places.each(seen.append, ["a", "b"])
    next(results)
    assert seen == ["a"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nowhere://x/y", "Protocol not known: nowhere"),
        ("undriven://x/y", "Install the driver"),
    ],
)
def test_url_that_fsspec_cannot_read_is_refused_by_name(url, words, monkeypatch):
    kind = {"class": "no_such_package.Driver", "err": "Install the driver"}
    monkeypatch.setitem(known_implementations, "undriven", kind)
    result = CliRunner().invoke(main, ["corpus", "demo", "--data", url])
    assert result.exit_code == 2
    assert url in result.stderr and words in result.stderr and "s3://BUCKET/FOLDER" in result.stderr
    assert len(result.stderr.splitlines()) <= 2


def test_bucket_without_credentials_is_refused(bucket, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(places.Unreachable, match=f"{bucket}/x: .*credentials.*AWS_ACCESS_KEY_ID"):
        places.listing(f"{bucket}/x")


def test_server_that_does_not_answer_is_named(bucket, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(places.Unreachable, match=f"{bucket}/x: cannot be reached .*127.0.0.1:{port}"):
        places.listing(f"{bucket}/x")


def test_a_password_or_token_in_a_url_is_used_and_stands_nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("STUDY_LOGINS", raising=False)
    seen = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.extend([self.headers.get("Authorization"), self.path])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"E_1 genuine 1.5\nE_2 spoof 0.5\n")

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        values = studies.corpus_values("demo", f"http://user:Hid9en@{host}/corpus")
        assert values["data"] == f"http://{host}/corpus"
        assert places.read(f"{values['data']}/x").startswith(b"E_1")
        signed = studies.corpus_values("demo", f"http://{host}/signed/?token=Hid9en")
        assert signed["data"] == f"http://{host}/signed"
        places.read(f"{signed['data']}/x")
        server.shutdown()
    assert f"Basic {base64.b64encode(b'user:Hid9en').decode()}" in seen and "/signed/x?token=Hid9en" in seen
    for command in (
        ["corpus", "demo", "--data", f"http://user:Hid9en@{host}/corpus"],
        ["corpus", "demo", "--data", "s3://user:Hid9en@bucket/x", "--json"],
        ["plan", "demo", "--data", str(tmp_path / "none"), "--store", f"https://user:Hid9en@{host}/x", "--json"],
        ["evaluate", f"http://user:Hid9en@{host}/x", "--protocol", "x"],
        ["corpus", "demo", "--data", f"http://{host}/corpus?token=Hid9en", "--json"],
        ["corpus", "new", "own", "--data", f"http://{host}/corpus?token=Hid9en"],
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 2 and "Hid9en" not in result.output, command


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:a@b@db:5/x failed", "postgresql://db:5/x failed"),
        ("https://TOKEN@host and http://u:p@h/x", "https://host and http://h/x"),
        ("url='https://host/x?token=abc&a=b', why?", "url='https://host/x', why?"),
        ("ftp://e@host/x: complete", "ftp://host/x: complete"),
        ("s3://bucket/folder@2, mail a@b", "s3://bucket/folder@2, mail a@b"),
    ],
)
def test_without_logins_takes_them_out_of_any_text(monkeypatch, text, shown):
    monkeypatch.delenv("STUDY_LOGINS", raising=False)
    hide_login("ftp://e@host/x")  # a name alone is no secret, and may be a letter
    assert without_logins(text) == shown


def test_whole_file_removes_what_was_left_a_day_ago_and_nothing_else(tmp_path):
    fresh, old = tmp_path / "a.npy.ab-1.99999999.0123abcd.part", tmp_path / "b.npy.ab-1.99999999.0123abcd.part"
    others = tmp_path / "film.mp4.part"  # as a browser names what it has not fetched whole
    for part in (fresh, old, others):
        part.write_bytes(b"x")
    for part in (old, others):
        os.utime(part, (0, 0))
    with places.whole_file(str(tmp_path / "new")) as file:
        file.write(b"whole")
        assert not (tmp_path / "new").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"new", fresh.name, others.name}
    assert (tmp_path / "new").read_bytes() == b"whole"


def test_whole_file_removes_at_once_what_a_process_that_is_gone_has_left_and_spares_the_living(tmp_path):
    code = "import os, sys; from lib.files.places import whole_file\nwith whole_file(sys.argv[1]): os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "killed")]).returncode == 9
    (left,) = tmp_path.iterdir()
    elsewhere = tmp_path / re.sub(r"[0-9a-f]+-(?=\d+\.)", "123abc-", left.name)
    elsewhere.write_bytes(b"")
    assert len([*tmp_path.iterdir()]) == 2
    with places.whole_file(str(tmp_path / "slow")) as slow:
        slow.write(b"whole")
        with places.whole_file(str(tmp_path / "new")) as file:
            file.write(b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"new", "slow", elsewhere.name}


@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: text.replace(b"7", b"8"), lambda text: b""])
def test_remembered_is_made_once_and_again_when_damaged(tmp_path, damage):
    file, made = tmp_path / "a.json", []

    def make():
        made.append(1)
        return {"a": 7}

    assert places.remembered(str(file), make) == places.remembered(str(file), make) == {"a": 7} and len(made) == 1
    file.write_bytes(damage(file.read_bytes()))
    assert places.remembered(str(file), make) == {"a": 7} and len(made) == 2


def test_remembered_where_nothing_can_be_written_is_made_each_time(tmp_path):
    (tmp_path / "file").write_text("")
    assert places.remembered(str(tmp_path / "file" / "a.json"), lambda: [1]) == [1]
