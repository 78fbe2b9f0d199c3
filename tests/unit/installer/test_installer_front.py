"""Where the kickstart comes from, what consoles are told, and the command itself."""

from __future__ import annotations

import http.server
import json
import shlex
import signal
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.image import ImageInfo
from edgelinux_installer import cli, consoles, halfmade, hardware, machine, start
from edgelinux_installer.chroot import end_processes
from edgelinux_installer.consoles import Consoles, console_names, start_shells
from edgelinux_installer.install import DefectError, InstallError
from edgelinux_installer.kickstart import KickstartError, TimeSource, read_kickstart
from edgelinux_installer.plan import InstallPlan, Machine
from edgelinux_installer.preflight import check_tree
from edgelinux_installer.progress import Progress, Told, read_line
from edgelinux_installer.source import fetch, location
from edgelinux_installer.steps.accounts import useradd_argv
from edgelinux_installer.steps.system import hosts
from edgelinux_installer.steps.timesync import with_sources

from tests.unit.hostd.report.server import Server, serving
from tests.unit.installer.refusals import REFUSALS

# Where the kickstart comes from


@pytest.mark.parametrize(
    ("command_line", "given", "expected"),
    [
        ("quiet", "", "cdrom:/edgelinux/ks.cfg"),
        ("quiet inst.ks=http://x/ks inst.ks=http://y/ks", "", "http://x/ks"),
        ("inst.ks=http://x/ks", "/root/ks.cfg", "/root/ks.cfg"),
        ("inst.ks=", "", "cdrom:/edgelinux/ks.cfg"),
    ],
)
def test_location(command_line: str, given: str, expected: str) -> None:
    assert location(command_line, given) == expected


def test_fetch_from_files(tmp_path: Path) -> None:
    (tmp_path / "edgelinux").mkdir()
    (tmp_path / "edgelinux/ks.cfg").write_text("text\n")
    assert fetch("cdrom:/edgelinux/ks.cfg", tmp_path) == "text\n"
    assert fetch(f"file:{tmp_path}/edgelinux/ks.cfg", Path("/none")) == "text\n"
    assert fetch(f"{tmp_path}/edgelinux/ks.cfg", Path("/none")) == "text\n"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("/none/ks.cfg", "cannot read the kickstart /none/ks.cfg: No such file"),
        ("cdrom:/ks.cfg", "ks.cfg: No such file"),
        ("nfs:server:/ks.cfg", "cannot fetch the kickstart from nfs:server:/ks.cfg (a path, file:/"),
    ],
)
def test_fetch_says_what_is_wrong(tmp_path: Path, where: str, message: str) -> None:
    with pytest.raises(EdgeLinuxError) as caught:
        fetch(where, tmp_path)
    assert message in str(caught.value)


def test_a_kickstart_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "ks.cfg").write_bytes(b"text\n\xff\n")
    with pytest.raises(EdgeLinuxError, match=r"ks\.cfg:2: the kickstart is not UTF-8"):
        fetch(f"{tmp_path}/ks.cfg", tmp_path)


class _Server(http.server.BaseHTTPRequestHandler):
    answers: list[int]

    def do_GET(self) -> None:
        code = self.answers.pop(0)
        self.send_response(code)
        self.end_headers()
        if code == 200:
            self.wfile.write(b"reboot\n")

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/ks.cfg"
        running.shutdown()


def test_a_web_server_in_trouble_is_asked_again(server: str) -> None:
    _Server.answers = [503, 500, 200]
    waits: list[float] = []
    assert fetch(server, Path("/none"), sleep=waits.append) == "reboot\n"
    assert len(waits) == 2


def test_a_kickstart_includes_from_a_web_server(server: str) -> None:
    _Server.answers = [200, 404]
    assert read_kickstart(f"%include {server}\n", "ks.cfg").finish == "reboot"
    with pytest.raises(KickstartError, match=r"^ks\.cfg:1: %include http://127.*: 404 Not Found"):
        read_kickstart(f"%include {server}\n", "ks.cfg")


def test_a_missing_page_is_final(server: str) -> None:
    _Server.answers = [404]
    with pytest.raises(EdgeLinuxError, match=r"cannot fetch the kickstart .*: 404 Not Found"):
        fetch(server, Path("/none"), sleep=lambda seconds: pytest.fail("asked again"))


def test_no_network_is_waited_for_and_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_arguments: Any, **_options: Any) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    times = iter(range(0, 1000, 50))
    waits: list[float] = []
    with pytest.raises(EdgeLinuxError, match="http://x/ks: Network is unreachable") as caught:
        fetch("http://x/ks", Path("/none"), sleep=waits.append, clock=lambda: float(next(times)))
    assert len(waits) == 2
    assert "\n" not in str(caught.value)


# Consoles


def test_consoles_are_those_of_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "active").write_text("tty0 ttyS0\n")
    assert console_names(tmp_path / "active") == ("tty0", "ttyS0")
    assert console_names(tmp_path / "none") == ()


def test_every_console_gets_every_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("tty0", "ttyS0"):
        (tmp_path / name).touch()
    Consoles(["tty0", "missing", "ttyS0"], stdout=True, dev=tmp_path).say("hello")
    assert (tmp_path / "tty0").read_bytes() == (tmp_path / "ttyS0").read_bytes() == b"\rhello\r\n"
    assert capsys.readouterr().out == "hello\n"


def test_a_shell_on_each_console(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(consoles, "run", lambda argv, check: ran.append(argv))
    start_shells(("tty0", "tty1", "ttyS0"))
    assert [argv[-1] for argv in ran] == ["edgelinux-shell@tty1.service", "edgelinux-shell@ttyS0.service"]


def test_progress_counts_weights() -> None:
    now = [0.0]
    said: list[str] = []
    progress = Progress([1, 3], said.append, lambda: now[0])
    progress.begin("one")
    now[0] = 2.0
    progress.begin("two")
    for done in (0.05, 0.5, 0.55, 1.0):
        progress.fraction(done)
    progress.end()
    assert [" ".join(line.split()[2:]) for line in said] == [
        "1/2 0% 0 s one",
        "2/2 25% 2 s two",
        "2/2 62% 2 s two: 50%",
        "2/2 100% 2 s two: 90%",
    ]
    assert read_line(said[2]) == Told(2, 2, 62, 2, "two: 50%")
    assert read_line("Installing edgeLinux OS") is None
    assert [(timing.name, timing.seconds) for timing in progress.timings] == [("one", 2.0), ("two", 0.0)]


# Small deciders of the steps


def test_hosts_knows_short_and_long_name() -> None:
    assert "127.0.1.1 a.b.c a\n" in hosts("a.b.c")
    assert "127.0.1.1 a\n" in hosts("a")


def test_time_sources_replace_those_of_the_image() -> None:
    text = "pool x iburst\n# server y\nsourcedir /run/dhcp\nmakestep 1 3\n"
    assert with_sources(text, [TimeSource("a"), TimeSource("b", "pool", nts=True)]) == (
        "#pool x iburst\n# server y\n#sourcedir /run/dhcp\nmakestep 1 3\n\n"
        "# From the kickstart:\nserver a iburst\npool b iburst nts\n"
    )


def test_useradd() -> None:
    (user,) = read_kickstart("user --name=a --gid=7 --uid=8 --homedir=/h --gecos='A B'", "ks").users
    assert shlex.join(useradd_argv(user)) == (
        "useradd --create-home --shell /bin/bash --gid 7 --uid 8 --home-dir /h --comment 'A B' a"
    )


# The tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "usr/share/zoneinfo/Etc/UTC",
        "usr/lib/systemd/system/foo.service",
        "usr/lib/systemd/system/bar@.service",
        "bin/sh",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/false\n")
    (tmp_path / "etc/group").write_text("root:x:0:\ndisk:x:6:\n+\n")
    return tmp_path


def test_a_kickstart_that_fits_the_tree(tree: Path) -> None:
    text = (
        "services --enabled=foo,bar@x,foo.service\ngroup --name=disk\ngroup --name=x --gid=9\n"
        "user --name=a --shell=/bin/sh\n%post\nx\n%end\n"
    )
    check_tree(read_kickstart(text, "ks.cfg"), tree)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timezone Mars/Base", "ks.cfg:1: the image has no time zone Mars/Base"),
        ("timezone ../zoneinfo/Etc/UTC", "has no time zone"),
        ("services --enabled=foo,nope", "ks.cfg:1: the image has no service nope"),
        ("services --disabled=nope@1", "the image has no service nope@1"),
        ("user --name=disk", "ks.cfg:1: the image already has a group disk"),
        ("user --name=a --uid=1", "ks.cfg:1: user --uid=1 is in use"),
        ("user --name=a --uid=2000\nuser --name=b --uid=2000", "ks.cfg:2: user --uid=2000 is in use"),
        ("user --name=a --gid=6", "ks.cfg:1: user --gid=6 is in use"),
        ("group --name=a --gid=6", "ks.cfg:1: group --gid=6 is in use"),
        ("group --name=a --gid=70\ngroup --name=b --gid=70", "ks.cfg:1: group --gid=70 is given twice"),
        ("group --name=disk --gid=7", "ks.cfg:1: the image already has a group disk, with --gid=6"),
        (
            "%pre-install --interpreter=/bin/perl\nx\n%end",
            "ks.cfg:1: %pre-install: the image has no /bin/perl",
        ),
        ("user --name=a --shell=/bin/zsh", "ks.cfg:1: the image has no shell /bin/zsh"),
        ("%post --interpreter=/usr/bin/perl\nx\n%end", "ks.cfg:1: %post: the image has no /usr/bin/perl"),
    ],
)
def test_what_the_tree_lacks(tree: Path, text: str, message: str) -> None:
    with pytest.raises(KickstartError) as caught:
        check_tree(read_kickstart(text, "ks.cfg"), tree)
    assert message in str(caught.value)


# The command


@pytest.fixture
def ready(
    tmp_path: Path, tree: Path, machine: Machine, image: ImageInfo, monkeypatch: pytest.MonkeyPatch
) -> list[list[str]]:
    """The command on a machine that exists only here; gives what was run."""
    ran: list[list[str]] = []
    monkeypatch.setattr(cli, "LOG", tmp_path / "run/install.log")
    monkeypatch.setattr(cli, "RUN", tmp_path / "run")
    monkeypatch.setattr("edgelinux_installer.cli.os.geteuid", lambda: 0)
    monkeypatch.setattr(cli, "console_names", lambda: ("tty0",))
    monkeypatch.setattr(cli, "Consoles", lambda names, stdout: Consoles([], stdout=True))
    monkeypatch.setattr(cli, "check_tree", lambda ks: check_tree(ks, tree))
    monkeypatch.setattr(hardware, "record", lambda: None)
    monkeypatch.setattr(hardware, "machine", lambda recorded: machine)
    monkeypatch.setattr("edgelinux_installer.cli.images.load", lambda: image)
    monkeypatch.setattr(cli, "run", lambda argv: ran.append(argv))
    monkeypatch.setattr(cli, "start_shells", lambda names: ran.append(["shells", *names]))
    (tmp_path / "ks.cfg").write_text(
        "network --hostname=edge1\nhalt\n%addon edgelinux_zfs\ndisks = 2\n%end\n"
    )
    return ran


def test_check_prints_the_plan_and_does_nothing(
    ready: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--check", "--kickstart", f"{tmp_path}/ks.cfg"]) == 0
    assert "edgeLinux OS 2.1.0 would be installed as edge1 (uefi):" in capsys.readouterr().out
    assert cli.main(["--check", "--format", "json", "--kickstart", f"{tmp_path}/ks.cfg"]) == 0
    assert json.loads(capsys.readouterr().out)["hostname"] == "edge1"
    assert ready == []
    assert not (tmp_path / "run").exists()


def test_check_of_a_bad_kickstart(
    ready: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ks.cfg").write_text("part\n")
    assert cli.main(["--check", "--kickstart", f"{tmp_path}/ks.cfg"]) == 2
    assert "ks.cfg:1: part is not supported" in capsys.readouterr().err


def test_a_finished_installation_ends_as_the_kickstart_says(
    ready: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "install", lambda plan, say, tell: say("Installation complete after 1 seconds"))
    assert cli.main(["--yes", "--kickstart", f"{tmp_path}/ks.cfg"]) == 0
    assert ready == [["systemctl", "--force", "halt"]]


@pytest.mark.parametrize("error", [EdgeLinuxError("it broke"), KeyError("it broke"), KeyboardInterrupt()])
def test_a_failed_installation_leaves_a_shell_and_no_reboot(
    ready: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(cli, "install", fail)
    monkeypatch.setenv("INVOCATION_ID", "1")
    assert cli.main(["--yes", "--kickstart", f"{tmp_path}/ks.cfg"]) == 1
    assert ready == [["shells", "tty0"]]
    out = capsys.readouterr().out
    assert "INSTALLATION FAILED: " in out
    assert "Traceback" not in out
    assert (tmp_path / "run/install.log").stat().st_mode & 0o777 == 0o600


def test_a_step_that_was_left_behind_does_not_keep_the_installer(
    ready: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    monkeypatch.setattr(cli, "left_behind", lambda: True)
    monkeypatch.setattr("edgelinux_installer.cli.os._exit", left.append)
    cli.main(["--yes", "--kickstart", "/none"])
    assert left == [1]


def test_a_person_who_started_it_gets_no_second_shell(
    ready: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    assert cli.main(["--yes", "--kickstart", "/none"]) == 1
    assert ready == []


def test_pre_runs_before_disks_are_looked_at(
    ready: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(cli, "run_pre", lambda ks: order.append("pre"))

    monkeypatch.setattr(hardware, "record", lambda: order.append("look"))
    monkeypatch.setattr(cli, "install", lambda plan, say, tell: order.append("install"))
    cli.main(["--yes", "--kickstart", f"{tmp_path}/ks.cfg"])
    assert order == ["pre", "look", "install"]


def test_what_pre_wrote_is_included(
    ready: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made.ks"
    monkeypatch.setattr("edgelinux_installer.kickstart.include._LATER", (f"{tmp_path}/made",))
    (tmp_path / "ks.cfg").write_text(
        f"%include {made}\nhalt\n%pre --erroronfail\necho network --hostname=made > {made}\n%end\n"
    )
    plans: list[InstallPlan] = []
    monkeypatch.setattr(cli, "install", lambda plan, say, tell: plans.append(plan))
    assert cli.main(["--yes", "--kickstart", f"{tmp_path}/ks.cfg"]) == 0
    assert [plan.hostname for plan in plans] == ["made"]
    made.unlink()
    (tmp_path / "ks.cfg").write_text(f"%include {made}\nhalt\n%pre\ntrue\n%end\n")
    assert cli.main(["--yes", "--kickstart", f"{tmp_path}/ks.cfg"]) == 2
    assert len(plans) == 1


@pytest.mark.parametrize(
    ("error", "ran"),
    [
        (EdgeLinuxError("it broke"), ["onerror 1", "onerror 2"]),
        (InstallError("it broke"), ["onerror 1", "onerror 2"]),
        (DefectError("it broke"), ["onerror 1", "onerror 2", "traceback"]),
        (KeyError("it broke"), ["onerror 1", "onerror 2", "traceback"]),
    ],
)
def test_scripts_for_a_failed_installation(
    ready: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    ran: list[str],
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise error

    said = tmp_path / "said"
    monkeypatch.setattr(cli, "install", fail)
    (tmp_path / "ks.cfg").write_text(
        f"%onerror --erroronfail\necho onerror 1 >> {said}; exit 7\n%end\n"
        f"%traceback\necho traceback >> {said}\n%end\n"
        f"%onerror --log={tmp_path}/log\necho onerror 2 >> {said}; echo seen\n%end\n"
    )
    assert cli.main(["--yes", "--kickstart", f"{tmp_path}/ks.cfg"]) == 1
    assert said.read_text().splitlines() == ran
    assert (tmp_path / "log").read_text() == "seen\n"
    assert "INSTALLATION FAILED: " in capsys.readouterr().out


def test_the_installer_refuses_what_check_refuses(
    ready: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ks.cfg"
    for text, line, message in REFUSALS:
        if message:
            file.write_text(text)
            assert cli.main(["--yes", "--kickstart", str(file)]) == 2
            out = capsys.readouterr().out
            assert f"INSTALLATION FAILED: {file}:{line}: " in out
            assert message in out


def test_selinux_is_refused_by_the_installer_too(
    ready: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ks.cfg").write_text("selinux --permissive\n")
    assert cli.main(["--check", "--kickstart", f"{tmp_path}/ks.cfg"]) == 2
    assert "ks.cfg:1: selinux --permissive: Test base 1 has no SELinux" in capsys.readouterr().err


def test_the_hardware_as_a_file(
    ready: list[list[str]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    recorded = hardware.load(Path(__file__).parent / "golden/rack-server/hardware.json")
    monkeypatch.setattr(hardware, "record", lambda: recorded)
    assert cli.main(["--hardware"]) == 0
    (tmp_path / "hardware.json").write_text(capsys.readouterr().out)
    assert hardware.load(tmp_path / "hardware.json") == recorded
    assert ready == []
    monkeypatch.setattr("edgelinux_installer.cli.os.geteuid", lambda: 1000)
    assert cli.main(["--hardware"]) == 1
    assert "looking at the disks needs root (sudo edgelinux-install --hardware)" in capsys.readouterr().err


# What scripts and a failed attempt left


def test_processes_left_in_the_new_system_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target"
    for pid, root in ((1, Path("/")), (20, target), (30, target)):
        (tmp_path / f"proc/{pid}").mkdir(parents=True)
        (tmp_path / f"proc/{pid}/root").symlink_to(root)
    killed: list[tuple[int, str]] = []

    def kill(pid: int, number: signal.Signals) -> None:
        killed.append((pid, number.name))
        if pid == 20 or number is signal.SIGKILL:
            (tmp_path / f"proc/{pid}/root").unlink()

    monkeypatch.setattr("edgelinux_installer.chroot.os.kill", kill)
    end_processes(target, proc=tmp_path / "proc", patience=0.0)
    assert sorted(killed) == [(20, "SIGTERM"), (30, "SIGKILL"), (30, "SIGTERM")]


def test_only_the_pool_that_this_live_system_made_is_put_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(halfmade, "run", lambda argv, check=True: ran.append(" ".join(map(str, argv))))
    monkeypatch.setattr("edgelinux_installer.halfmade.zfs.pools", lambda: ("antlets",))
    monkeypatch.setattr("edgelinux_installer.halfmade.zfs.pool_guid", lambda pool: 42)
    assert halfmade.put_away(tmp_path, Path("/target"))
    assert ran == []
    halfmade.remember(tmp_path, 41)
    assert halfmade.put_away(tmp_path, Path("/target"))
    assert ran == []
    halfmade.remember(tmp_path, 42)
    assert halfmade.put_away(tmp_path, Path("/target"))
    assert ran == ["umount --recursive /target", "zpool export -f antlets"]
    assert not list(tmp_path.iterdir())


def test_the_label_of_the_medium(tmp_path: Path) -> None:
    assert machine.media_label(tmp_path) == ""
    (tmp_path / "edgelinux").mkdir()
    (tmp_path / "edgelinux/media.json").write_text('{"label": "EDGELINUX_0123ABCD"}')
    assert machine.media_label(tmp_path) == "EDGELINUX_0123ABCD"


@pytest.mark.parametrize(
    ("arguments", "invocation", "said"),
    [
        ([], "by-systemd", ["edgeLinux installer: starting"]),
        (["--check"], "by-systemd", []),
        ([], "", []),
    ],
    ids=["a boot that installs", "a check", "a person"],
)
def test_its_first_word_comes_before_all_that_takes_time(
    arguments: list[str], invocation: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[str] = []
    monkeypatch.setattr("sys.argv", ["edgelinux-install", *arguments])
    monkeypatch.setattr("edgelinux_installer.start.Consoles.say", lambda _, line: words.append(line))
    monkeypatch.setattr("edgelinux_installer.cli.main", lambda: len(words))
    if invocation:
        monkeypatch.setenv("INVOCATION_ID", invocation)
    else:
        monkeypatch.delenv("INVOCATION_ID", raising=False)
    assert start.main() == len(said)
    assert words == said


@pytest.mark.parametrize(("answer", "installs"), [("yes", True), ("y", False), ("", False)])
def test_a_person_is_asked_before_anything_is_erased(
    ready: list[list[str]],
    tmp_path: Path,
    answer: str,
    installs: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    installed: list[str] = []
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    monkeypatch.setattr(cli, "install", lambda plan, say, tell: installed.append(plan.hostname))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    assert cli.main(["--kickstart", f"{tmp_path}/ks.cfg"]) == (0 if installs else 1)
    assert installed == (["edge1"] if installs else [])
    said = capsys.readouterr().out
    assert "erased: nothing, it is blank" in said
    assert ("Nothing was installed" in said) == (not installs)


def test_without_a_terminal_it_installs_only_when_told_to(
    ready: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    installed: list[str] = []
    monkeypatch.delenv("INVOCATION_ID", raising=False)
    monkeypatch.setattr(cli, "install", lambda plan, say, tell: installed.append(plan.hostname))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert cli.main(["--kickstart", f"{tmp_path}/ks.cfg"]) == 1
    assert "there is no terminal to ask at (--yes installs without asking)" in capsys.readouterr().out
    assert installed == []
    assert cli.main(["--yes", "--kickstart", f"{tmp_path}/ks.cfg"]) == 0
    assert installed == ["edge1"]


# Reports


@pytest.mark.parametrize("error", [None, EdgeLinuxError("it broke"), KeyError("it broke")])
def test_an_installation_is_reported(
    ready: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    order: list[list[str]] = []
    told: list[Server] = []

    def work(plan: InstallPlan, say: Any, tell: Any) -> None:
        tell("Erasing the disks", 5, "Erasing the disks")
        if error:
            raise error

    monkeypatch.setattr(cli, "install", work)
    monkeypatch.setattr(cli, "run_after_failure", lambda ks, defect: order.append(told[0].events))
    with serving() as web:
        told.append(web)
        (tmp_path / "ks.cfg").write_text(f"halt\n%addon edgelinux_notify\nurl = {web.url}\n%end\n")
        assert cli.main(["--yes", "--kickstart", f"{tmp_path}/ks.cfg"]) == (1 if error else 0)
    last = web.asked[-1].json
    assert (web.events[0], last["event"]) == ("start", "failure" if error else "success")
    if error:
        assert "it broke" in last["message"]
        # The scripts may restart the machine.
        assert order == [web.events]


def test_a_kickstart_that_cannot_be_read_is_reported_to_the_command_lines_server(
    ready: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        monkeypatch.setattr(cli, "_command_line", lambda: f"edgelinux.notify={server.url}")
        assert cli.main(["--yes", "--kickstart", "/none/ks.cfg"]) == 1
    (asked,) = server.asked
    assert asked.json["event"] == "failure"
    assert "cannot read the kickstart /none/ks.cfg" in asked.json["message"]


def test_a_boot_that_asks_starts_the_forms_on_each_console(
    ready: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVOCATION_ID", "1")
    monkeypatch.setattr(cli, "should_ask", lambda line, medium, find_kickstart: True)
    ran: list[list[str]] = []
    monkeypatch.setattr(consoles, "run", lambda argv, check: ran.append(argv))
    monkeypatch.setattr(cli, "console_names", lambda: ("tty0", "ttyS0"))
    monkeypatch.setattr(cli, "is_attended", lambda: False)
    assert cli.main([]) == 0
    assert [argv[-1] for argv in ran] == ["edgelinux-setup@tty1.service", "edgelinux-setup@ttyS0.service"]
    assert ready == []


def test_the_forms_need_a_terminal(
    ready: list[list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["--interactive"]) == 1
    assert "there is no terminal to ask at" in capsys.readouterr().err
