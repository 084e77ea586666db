#!/bin/sh
# install-packages.sh PACKAGE...: installs what is missing of Debian's packages; asks apt for nothing if all is there.
set -eu
missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing:$missing"
apt_get="apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5"
# shellcheck disable=SC2086
$sudo $apt_get update
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive $apt_get install -y \
    --no-install-recommends $missing >/dev/null
