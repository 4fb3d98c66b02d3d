"""Every file is written whole or not at all, wherever it lies and whoever else writes."""

import errno
import os
import secrets
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from micrograd_gd import MLP, Value, save, viz
from micrograd_gd.files import hold, write_file
from micrograd_gd.training.history import History

resource = pytest.importorskip("resource", reason="files as POSIX has them")

HISTORY = History([{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 1.0}])
WRITERS = {  # by suffix
    ".txt": lambda path: write_file(path, bytes(100)),
    ".json": lambda path: save(MLP(2, [3, 1], seed=0), path),
    ".safetensors": lambda path: save(MLP(2, [3, 1], seed=0), path),
    ".csv": HISTORY.to_csv,
    ".pdf": lambda path: viz.plot_history(HISTORY, path),
    ".svg": lambda path: viz.graph(Value(2.0) * 3.0).save(path),
    ".dot": lambda path: viz.graph(Value(2.0) * 3.0).save(path),
}


@pytest.fixture
def full_disk(monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("suffix", "write"), WRITERS.items())
def test_where_a_file_cannot_be_written_the_old_one_stays_and_the_error_names_it(
    suffix, write, tmp_path, full_disk
):
    path = tmp_path / f"file{suffix}"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left") as caught:
        write(path)
    assert caught.value.filename == str(path)
    assert (path.read_text(), names(tmp_path)) == ("old", [path.name])
    for wrong, reason in [
        (tmp_path / "none" / path.name, FileNotFoundError),
        (path / path.name, NotADirectoryError),
    ]:
        with pytest.raises(reason) as caught:
            write(wrong)
        assert caught.value.filename == str(wrong)
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write(path)
    assert caught.value.filename == str(path)
    assert names(tmp_path) == [path.name]


def test_a_file_that_grows_too_large_is_not_begun(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            write_file(path, bytes(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(path)
    assert (path.read_text(), names(tmp_path)) == ("old", [path.name])


READ_ONLY = """
import sys
sys.path.insert(0, sys.argv[2])
from micrograd_gd.files import hold, write_file
for attempt in (lambda path: write_file(path + "/a.txt", b""), lambda path: hold(path).__enter__()):
    try:
        attempt(sys.argv[1])
    except OSError as error:
        print(error.strerror, error.filename)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare to mount a disk with")
def test_the_error_of_a_read_only_disk_names_the_file(tmp_path):
    mount = f"mount -t tmpfs -o ro none {tmp_path}"
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    if subprocess.run([*inside, mount], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    script = f'{mount} && exec "$0" "$@"'
    command = [
        *inside,
        script,
        sys.executable,
        "-c",
        READ_ONLY,
        tmp_path,
        Path(__file__).parents[2],
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == f"Read-only file system {tmp_path}/a.txt"
    assert second.startswith("Read-only file system ")


def test_what_is_written_at_the_end_of_a_link_leaves_the_link(tmp_path):
    target, link, last, loop = (tmp_path / name for name in ("target", "link", "last", "loop"))
    link.symlink_to(target.name)
    last.symlink_to(link)
    for _ in range(2):  # the target is new, and then it is there
        write_file(last, b"new")
        assert last.is_symlink()
        assert link.is_symlink()
        assert target.read_bytes() == b"new"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="symbolic links") as caught:
        write_file(loop, b"new")
    assert caught.value.filename == str(loop)
    assert loop.is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o777])
def test_permissions_are_kept(mode, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(mode)
    write_file(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    before = os.umask(0o777 - mode)
    try:
        write_file(tmp_path / "new.txt", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.txt").stat().st_mode) == mode & 0o666


def test_a_pipe_and_a_device_are_written_as_they_are(tmp_path):
    pipe, device = tmp_path / "pipe", tmp_path / "device"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    received = []
    reader.start()
    write_file(pipe, bytes(1_000_000))  # more than a pipe holds
    reader.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert received == [bytes(1_000_000)]
    device.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_file(device, b"new")
    assert caught.value.filename == str(device)
    assert stat.S_ISCHR(device.stat().st_mode)


def test_standard_output_is_written_between_what_is_printed(python, tmp_path):
    script = "from micrograd_gd.files import write_file as w; print(1); w({!r}, b'2\\n'); print(3)"
    for name in ["/dev/stdout", "/dev/fd/1", str(tmp_path / "log")]:
        with (tmp_path / "log").open("w") as log:
            python("-c", script.format(name), stdout=log)
        assert (tmp_path / "log").read_text() == "1\n2\n3\n"
    assert python("-c", script.format("/dev/stdout")).stdout == "1\n2\n3\n"


def test_a_prepared_name_is_not_followed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(secrets, "token_hex", lambda count: "0" * 2 * count)
    (tmp_path / ".micrograd_gd-0000000000000000.part").symlink_to(victim)
    with pytest.raises(FileExistsError) as caught:
        write_file(tmp_path / "a.txt", b"new")
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert victim.read_text() == "precious"


WRITE = """
import os, sys
os.getpid = lambda: 1  # as in two containers
sys.path.insert(0, sys.argv[1])
from micrograd_gd.files import write_file
for _ in range(40):
    write_file(sys.argv[2], sys.argv[3].encode() * 1_000_000)
"""


def test_two_processes_of_one_number_write_one_file(start, tmp_path):
    path = tmp_path / ("long" * 63)  # the longest name of most disks
    path.write_bytes(b"a" * 1_000_000)
    root = Path(__file__).parents[2]
    running = [start([sys.executable, "-c", WRITE, root, path, letter]) for letter in "ab"]
    while any(process.poll() is None for process in running):
        assert path.read_bytes() in (b"a" * 1_000_000, b"b" * 1_000_000)
    assert [process.returncode for process in running] == [0, 0]
    assert names(tmp_path) == [path.name]


def test_an_interrupt_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a.txt", b"new")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["a\0b", "\udc80" * 3000, "x" * 300])
def test_a_name_that_no_file_can_have_is_an_error_of_files(name, tmp_path):
    with pytest.raises(OSError, match=r"null|long") as caught:
        write_file(tmp_path / name, b"")
    assert caught.value.filename == str(tmp_path / name)


def test_a_folder_is_held_by_one_process_at_a_time(python, tmp_path):
    script = f"from micrograd_gd.files import hold; hold({str(tmp_path)!r}).__enter__()"
    with hold(tmp_path):
        done = python("-c", script, check=False)
        assert f"BlockingIOError: [Errno {errno.EAGAIN}]" in done.stderr
    python("-c", script)
    assert names(tmp_path) == []
