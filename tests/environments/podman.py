"""Containers of podman, as root: its own defaults on a copy of this machine, and the project's image
with docker's. The store and its settings are private: nothing in /etc or /var/lib/containers is used."""
import os
import pathlib
import resource
import shutil
import signal
import subprocess

import bundle
import oci

CACHE = pathlib.Path(os.environ.get("CODE_RUNNER_CACHE", pathlib.Path(__file__).parents[2] / "build" / "environments"))
IMAGE = "localhost/code-runner-test"
# runc: Debian's crun refuses a machine that has cgroups of both versions.
CONTAINERS_CONF = """[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile={1}:{1}", "nproc={1}:{1}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
network_config_dir = "{0}/networks"
"""
STORAGE_CONF = '[storage]\ndriver = "overlay"\ngraphroot = "{0}/storage"\nrunroot = "{0}/run"\n'


def put(path, text):
    """At once: podman of another environment may be reading it."""
    if not path.exists() or path.read_text() != text:
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_text(text)
        new.replace(path)


def settings():
    """The environment for podman; writes the settings that it names."""
    home = CACHE / "podman"
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    put(home / "storage.conf", STORAGE_CONF.format(home))
    # Its own defaults are more than a machine may have that is a container itself.
    limits = [min(resource.getrlimit(name)[1] % 2**64, 65536) for name in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)]
    put(home / "containers.conf", CONTAINERS_CONF.format(home, *limits))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONTAINER", "LD_"))}
    return kept | {"CONTAINERS_STORAGE_CONF": str(home / "storage.conf"), "CONTAINERS_CONF": str(home / "containers.conf"),
                   "TMPDIR": str(home / "tmp")}


class Rootfs:
    """podman's default capabilities and profile, which allow user namespaces."""
    root = None

    def __init__(self, row, state, command, variables):
        self.row, self.state, self.command_line, self.variables = row, state, command, variables
        self.name = f"code-runner-test-{os.getpid()}"

    def prepare(self):
        bundle.mount_root(self.state, self.command_line[0])
        bundle.write_place(self.state, kind="container", pid_file=str(self.state / "pid"), root=bundle.path_of_root(self.state))

    def options(self):
        return {"env": settings()}

    def command(self):
        variables = [word for variable in self.variables for word in ("-e", variable)]
        return ["podman", "run", "--rm", "--name", self.name, f"--cgroup-parent=/{self.name}", "--pidfile",
                str(self.state / "pid"), "--log-driver=none",
                f"--memory={oci.MEMORY_BYTES}", f"--pids-limit={oci.PROCESSES}", *variables, *self.own()]

    def own(self):
        return ["--network=host", f"--user={self.row.uid}:{self.row.gid}", "--rootfs", f"{self.state}/rootfs",
                bundle.BINARY, *self.command_line[1:]]

    def wait(self, child):
        return child.wait()

    def stop(self, child):
        child.send_signal(signal.SIGTERM)

    def status(self, status):
        return status

    def destroy(self):
        subprocess.run(["podman", "rm", "--force", "--ignore", "--time=0", self.name], env=settings(), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        bundle.unmount_root(self.state)
        bundle.remove_cgroups(f"/{self.name}")


class Image(Rootfs):
    """The image, with a network of its own and one port published."""

    def prepare(self):
        bundle.write_place(self.state, kind="container", pid_file=str(self.state / "pid"), root="")

    def own(self):
        arguments = [word for word in self.command_line[1:] if not word.startswith(("--port=", "--address="))]
        port = next(word.split("=")[1] for word in self.command_line if word.startswith("--port="))
        capabilities = [f"--cap-add={name}" for name in self.row.capabilities]
        return [f"--publish=127.0.0.1:{port}:8080", f"--security-opt=seccomp={oci.PROFILE}", "--cap-drop=all", *capabilities,
                "--no-healthcheck", IMAGE, *arguments]


def own_base(environment):
    """Debian's slim image under the name that the Dockerfile uses, made of Debian's packages."""
    name = "docker.io/library/debian:bookworm-slim"
    if subprocess.run(["podman", "image", "exists", name], env=environment).returncode == 0:
        return
    slim = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "doc", "locale")]
    dates = ['--aptopt=Acquire::Retries "5"', '--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=Acquire::Check-Date "false"']
    tar = CACHE / "base.tar"
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--components=main", *slim, *dates,
                    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/*', "bookworm", tar], check=True, env=environment)
    subprocess.run(["podman", "import", "--quiet", "--change", 'CMD ["bash"]', tar, name], check=True, env=environment,
                   stdout=subprocess.DEVNULL)
    tar.unlink()


def build_image(top):
    """Builds the image of the tree at top; what has not changed is not built again."""
    environment = settings()
    own_base(environment)
    subprocess.run(["podman", "build", "--quiet", "--pull=never", "--format=docker", "--isolation=oci", "--network=host", "--tag", IMAGE, top],
                   check=True, env=environment, stdout=subprocess.DEVNULL)


def image_id():
    return subprocess.run(["podman", "image", "inspect", "--format={{.Id}}", IMAGE], check=True, env=settings(),
                          capture_output=True, text=True).stdout.strip()


def export_image(folder):
    """The files of the image, as root has them."""
    environment = settings()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mounted = subprocess.run(["podman", "image", "mount", IMAGE], check=True, env=environment, capture_output=True, text=True)
    subprocess.run(["cp", "-a", f"{mounted.stdout.strip()}/.", folder], check=True)
    subprocess.run(["podman", "image", "unmount", IMAGE], check=True, env=environment, stdout=subprocess.DEVNULL)
