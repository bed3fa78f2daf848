#!/bin/sh
# Installs the Debian packages that building and testing need, when it may; otherwise
# prints the exact list and stops.
packages="gcc g++ make re2c bison pkg-config check libprotobuf-c-dev protobuf-c-compiler libonnx-dev \
libjansson-dev zlib1g-dev libopenblas-dev"
missing=""
for p in $packages; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo"
else
    echo "These Debian packages are missing; install them and try again:" >&2
    echo "  apt-get install$missing" >&2
    exit 1
fi
echo "installing:$missing"
$sudo apt-get update -qq >/dev/null &&
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
    echo "Installing failed; try by hand:" >&2
    echo "  apt-get install$missing" >&2
    exit 1
}
