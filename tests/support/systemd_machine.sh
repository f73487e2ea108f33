#!/bin/sh
# Be a machine whose PID 1 is systemd: this machine's files with a layer above them that takes all writes, in namespaces
# that the caller has made (unshare --mount --pid --cgroup --uts --ipc). It ends, and leaves nothing, with its PID 1.
#
#   systemd_machine.sh DIRECTORY        an empty directory of this machine
set -eu
base=$1
root=$base/root

mount -t tmpfs -o mode=0755 tmpfs "$base"
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys" # a setting of the kernel would be this machine's, too
mount -o remount,bind,ro "$root/proc/sys"
mount --rbind /sys "$root/sys"
umount -l "$root/sys/fs/cgroup" || true
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

rm -rf "$root/etc/systemd/system" "$root/etc/machine-id"
mkdir "$root/etc/systemd/system"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
cat >"$root/etc/systemd/system/tests.target" <<'UNIT'
[Unit]
Description=All that the tests need
Wants=systemd-journald.service dbus.service
UNIT

cd "$root"
mkdir -p before
pivot_root . before
umount -l /before
exec env -i container=tests PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=tests.target --show-status=no --log-target=journal </dev/null
