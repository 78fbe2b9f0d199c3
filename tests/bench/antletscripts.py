"""What the benchmark of antlets runs in the guest. Lines "took NAME MILLISECONDS" are what it measures."""

from __future__ import annotations

__all__ = ["BARE", "COMMAND", "CREATE", "DELETE", "LIST", "SIZES", "START", "TICKS", "UNIT"]

_CLOCK = r"""
set -eu
took() { local name=$1 start end; shift; start=$(date +%s%N); "$@" > /dev/null; end=$(date +%s%N)
         echo "took $name $(( (end - start) / 1000000 ))"; }
call() { curl --silent --fail-with-body --unix-socket /run/edgelinux/hostd.sock \
              --header 'Content-Type: application/json' "$@"; }
"""

# An antlet by hand: NUMBER NAME. The configuration has what hostd's has, but for the unit it runs in; as in
# that unit, newuidmap(1) is not to be found, so that liblxc as root writes the ids itself.
BARE = (
    _CLOCK
    + r"""
number=$1 name=$2 path=/run/bench
version=$(zfs list -H -d 1 -t snapshot -o name antlets/TEMPLATES/debian-13.lxc | tail -n 1)
mkdir -p "$path/$name"
cat > "$path/$name/config" <<X
lxc.uts.name = $name
lxc.rootfs.path = dir:/antlets/$name/rootfs
lxc.rootfs.options = idmap=container
lxc.idmap = u 0 $((0x70000000 + number * 65536)) 65536
lxc.idmap = g 0 $((0x70000000 + number * 65536)) 65536
lxc.init.cmd = /sbin/init
lxc.mount.auto = proc:mixed sys:mixed
lxc.autodev = 1
lxc.tty.max = 0
lxc.pty.max = 1024
lxc.console.buffer.size = 64KB
lxc.seccomp.profile = /usr/share/lxc/config/common.seccomp
lxc.apparmor.profile = lxc-antlet
lxc.cap.drop = sys_module sys_rawio
lxc.cgroup2.memory.max = 268435456
lxc.cgroup2.memory.swap.max = 0
lxc.cgroup2.cpu.max = 100000 100000
lxc.cgroup2.pids.max = 1024
lxc.net.0.type = veth
lxc.net.0.link = bblv
lxc.net.0.veth.pair = antlet$number
lxc.net.0.name = eth0
lxc.net.0.hwaddr = b2:61:6e:73:6c:$(printf %02x "$number")
lxc.net.0.flags = up
X
grep -qs lxc-antlet /sys/kernel/security/apparmor/profiles || sed -i /apparmor/d "$path/$name/config"
took clone zfs clone "$version" "antlets/$name"
took start /usr/bin/env PATH=/usr/sbin:/sbin /usr/bin/lxc-start --daemon --lxcpath="$path" --name="$name" \
    --logfile="$path/log"
lxc-stop --lxcpath="$path" --name="$name" --kill
for _ in 1 2 3 4 5 6 7 8 9 10; do zfs destroy "antlets/$name" 2> /dev/null && break; sleep 0.5; done
rm -r "$path"
"""
)

# A call that waits for its job: BODY.
CREATE = _CLOCK + r"""took api call --data "$1" http://localhost/api/antlets"""

# The unit of a container that runs, started once more by hand: NAME.
UNIT = (
    _CLOCK
    + r"""
name=$1 directory=/run/edgelinux/lxc/$1
cp "$directory/config" /run/bench-config
systemctl stop "antlet-lxc@$name"
mkdir -p "$directory"
mv /run/bench-config "$directory/config"
took unit systemctl start "antlet-lxc@$name"
"""
)

DELETE = _CLOCK + r"""call --request DELETE "http://localhost/api/antlets/force/$1" """

# As people do it: NAME NUMBER.
COMMAND = (
    _CLOCK + r"""took command antlet create "$1" --template debian-13.lxc --number "$2" --ram 256 --start"""
)

START = _CLOCK + "antlet --help > /dev/null; took start antlet --help"

LIST = _CLOCK + "took command antlet list; took api call http://localhost/api/antlets"

SIZES = r"""
pid=$(systemctl show --value --property=MainPID hostd)
grep -E '^(VmRSS|VmSwap|RssAnon):' "/proc/$pid/status"
grep -E '^Pss:' "/proc/$pid/smaps_rollup"
"""

# The CPU time of hostd and of the children it waited for, in ticks (proc_pid_stat(5)), over SECONDS; and how
# many ticks a second has.
TICKS = r"""
pid=$(systemctl show --value --property=MainPID hostd)
ticks() {
    sed 's/.*) //' "/proc/$pid/stat" | { read -r -a of; echo $((of[11] + of[12] + of[13] + of[14])); }
}
before=$(ticks); sleep "$1"; echo $(( $(ticks) - before )) "$(getconf CLK_TCK)"
"""
