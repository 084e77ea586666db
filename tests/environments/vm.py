"""A virtual machine with Debian's kernel 6.1, cgroup v2 and the files of the project's image, emulated:
no KVM is needed, all takes about 25 times longer. Also a program: `vm.py CONTROL /bin/sh -c TEXT` runs
TEXT in a machine that is up."""
import base64
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import bundle
import podman

HERE = pathlib.Path(__file__).parent
HOME = podman.CACHE / "vm"
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "failover",
           "net_failover", "virtio_net", "virtio-rng")
PACKAGE = "linux-image-cloud-amd64"
KERNEL_ARGUMENTS = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off random.trust_cpu=on tsc=reliable cgroup_no_v1=all"
MEMORY_MB = 2048
BOOT_SECONDS = 90  # for the first start, the next ones have more; 4 are enough where nothing else wants the processors
MOST_STARTS = 3


def make_kernel():
    """HOME/vmlinuz and HOME/modules: of Debian's package, which is taken apart, not installed."""
    if (HOME / "vmlinuz").exists():
        return
    work, modules = HOME / "package", HOME / "modules"
    for folder in (work, modules):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    depends = subprocess.run(["apt-cache", "depends", PACKAGE], check=True, capture_output=True, text=True).stdout
    package = next(line.split()[1] for line in depends.splitlines() if "Depends:" in line)
    subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=5", "download", package], check=True, cwd=work)
    subprocess.run(["dpkg-deb", "-x", next(work.glob("*.deb")), work / "files"], check=True)
    for number, name in enumerate(MODULES):
        for found in (work / "files").glob(f"**/lib/modules/*/kernel/**/{name}.ko*"):
            target = modules / f"{number:02}-{found.name}"
            shutil.copy(found, target)
            if target.suffix == ".xz":
                subprocess.run(["xz", "-d", target], check=True)
    shutil.copy(next((work / "files" / "boot").glob("vmlinuz-*")), HOME / "vmlinuz.new")
    shutil.rmtree(work)
    (HOME / "vmlinuz.new").rename(HOME / "vmlinuz")


def make_initrd():
    """HOME/initrd: busybox, the modules, and the two scripts that bring the machine up."""
    with tempfile.TemporaryDirectory(dir=HOME) as name:
        root = pathlib.Path(name)
        for folder in ("bin", "dev", "proc", "new"):
            (root / folder).mkdir()
        shutil.copytree(HOME / "modules", root / "modules")
        shutil.copy("/bin/busybox", root / "bin" / "busybox")
        shutil.copy(HERE / "vm-init.sh", root / "main")
        shutil.copy(HERE / "vm-initrd.sh", root / "init")
        (root / "init").chmod(0o755)
        names = subprocess.run(["find", "."], cwd=root, check=True, capture_output=True).stdout
        with open(HOME / "initrd", "wb") as file:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=file, check=True)


def make_disk():
    """HOME/root.ext4: the files of the image."""
    stamp, image = HOME / "image-id", podman.image_id()
    if stamp.exists() and stamp.read_text() == image:
        return
    stamp.unlink(missing_ok=True)
    podman.export_image(HOME / "files")
    used = subprocess.run(["du", "-sm", HOME / "files"], check=True, capture_output=True, text=True).stdout.split()[0]
    subprocess.run(["mke2fs", "-qq", "-F", "-t", "ext4", "-O", "^has_journal", "-E", "lazy_itable_init=1", "-d", HOME / "files",
                    HOME / "root.ext4", f"{int(used) * 13 // 10 + 512}M"], check=True)
    shutil.rmtree(HOME / "files")
    stamp.write_text(image)


def make_files():
    HOME.mkdir(parents=True, exist_ok=True)
    make_kernel()
    make_initrd()
    make_disk()


class Machine:
    def __init__(self, row, state, command, variables):
        self.state, self.command_line, self.variables = state, command, variables
        self.control, self.exit_file = state / "control", state / "exit"
        self.starts = 0  # that came to nothing

    def prepare(self):
        """The command goes in on a second disk, which is a tar file."""
        payload = self.state / "payload"
        payload.mkdir()
        shutil.copy(self.command_line[0], payload / "code-runner")
        arguments = [word for word in self.command_line[1:] if not word.startswith(("--port=", "--address="))]
        (payload / "arguments").write_text("\n".join(["--port=8080", "--address=0.0.0.0", *arguments]) + "\n")
        (payload / "environment").write_text("".join(variable + "\n" for variable in self.variables))
        subprocess.run(["tar", "-c", "-C", payload, "-f", self.state / "payload.tar", "."], check=True)
        os.truncate(self.state / "payload.tar", (os.path.getsize(self.state / "payload.tar") + 511) // 512 * 512)
        bundle.write_place(self.state, kind="virtual", execute=[sys.executable, str(HERE / "vm.py"), str(self.control)])

    def options(self):
        return {}

    def command(self):
        port = next(word.split("=")[1] for word in self.command_line if word.startswith("--port="))
        return ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB),
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-kernel", str(HOME / "vmlinuz"), "-initrd", str(HOME / "initrd"), "-append", KERNEL_ARGUMENTS,
                "-drive", f"file={HOME}/root.ext4,format=raw,if=virtio,snapshot=on",
                "-drive", f"file={self.state}/payload.tar,format=raw,if=virtio,readonly=on",
                "-netdev", f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:8080",
                "-device", "virtio-net-pci,netdev=n,romfile=", "-device", "virtio-rng-pci",
                "-chardev", "stdio,id=log,signal=off", "-serial", "chardev:log",
                "-chardev", f"socket,id=control,path={self.control},server=on,wait=off", "-serial", "chardev:control",
                "-serial", f"file:{self.exit_file}"]

    def told(self):
        """What the machine has said of itself: "up", then what code-runner exited with."""
        return self.exit_file.read_text().split() if self.exit_file.exists() else []

    def wait(self, child):
        """Its exit status; None if it is to be started once more. Now and then (one of some forty starts, on a busy machine)
        the emulated kernel stands still for good before it runs anything: both processors spin in its switch to another
        clock. Where the machine is merely slow, the next one has more time."""
        seconds = BOOT_SECONDS * (self.starts + 1)
        try:
            return child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            if self.told():
                return child.wait()
        child.kill()
        status = child.wait()
        self.starts += 1
        print(f"the emulated kernel has not started anything in {seconds} s, for the {self.starts}. time", file=sys.stderr, flush=True)
        return status if self.starts == MOST_STARTS else None

    def stop(self, child):
        if not self.told():
            child.send_signal(signal.SIGTERM)
            return
        try:
            execute(self.control, "kill -TERM $(cat /run/code-runner.pid)")
        except OSError:  # it has ended meanwhile
            pass

    def status(self, status):
        """The machine switches itself off after its last word."""
        return int(self.told()[-1]) if len(self.told()) > 1 else 125

    def destroy(self):
        for name in ("payload.tar", "payload/code-runner"):
            (self.state / name).unlink(missing_ok=True)


def execute(control, text):
    """(status, output) of a shell in the machine. One line of base64 goes in, one comes back."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(control))
        line.sendall(base64.b64encode(text.encode()) + b"\n")
        status, output = line.makefile("rb").readline().decode().split(" ")
    return int(status), base64.b64decode(output)


if __name__ == "__main__":
    status, output = execute(sys.argv[1], sys.argv[-1])
    sys.stdout.buffer.write(output)
    sys.exit(status)
