#!/bin/busybox sh
# First program of the virtual machine: finds the disks and goes on from the one with the image's files.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
for module in /modules/*; do insmod "$module"; done
tries=0
while [ ! -b /dev/vdb ] && [ $tries -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
mount -t ext4 -o rw,noatime /dev/vda /new || poweroff -f
mount -t tmpfs -o mode=755 run /new/run
cp /bin/busybox /main /new/run/
mkdir /new/run/payload
tar -x -C /new/run/payload </dev/vdb
mount --move /dev /new/dev
umount /proc
exec switch_root /new /run/busybox sh /run/main
