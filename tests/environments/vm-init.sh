#!/bin/sh
# Process 1 of the virtual machine: makes it what a started Debian is, runs code-runner in a cgroup of
# its own as an init system would, does what comes in on the second serial port, tells the third one
# that it is up and how code-runner ended, and switches off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
busybox=/run/busybox
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sys /sys
mkdir -p /dev/shm /dev/pts /dev/mqueue
mount -t tmpfs -o nosuid,nodev,mode=1777 shm /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 pts /dev/pts
mount -t mqueue mqueue /dev/mqueue
mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup /sys/fs/cgroup
mount -t securityfs security /sys/kernel/security
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
mkdir /sys/fs/cgroup/init /sys/fs/cgroup/code-runner
echo 1 >/sys/fs/cgroup/init/cgroup.procs
echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
cp /run/payload/code-runner /usr/local/bin/code-runner
for port in /dev/ttyS1 /dev/ttyS2; do $busybox stty -F $port raw -echo; done
echo up >/dev/ttyS2

while read -r line; do
    output=$(echo "$line" | base64 -d | sh 2>&1 | base64 -w 0; exit)
    echo "0 $output"
done </dev/ttyS1 >/dev/ttyS1 &

(
    read -r pid rest </proc/self/stat
    echo "$pid" >/run/code-runner.pid
    echo "$pid" >/sys/fs/cgroup/code-runner/cgroup.procs
    while read -r variable; do export "${variable?}"; done </run/payload/environment
    set --
    while read -r argument; do set -- "$@" "$argument"; done </run/payload/arguments
    exec setsid /usr/local/bin/code-runner "$@"
) </dev/null >/dev/ttyS0 2>&1 &
wait $!
echo $? >/dev/ttyS2
sync
sleep 0.2
$busybox poweroff -f
