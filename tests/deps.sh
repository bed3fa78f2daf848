#!/bin/sh
# Installs the Debian packages that building and testing need, when it may; otherwise
# prints the exact list and stops. Without the optional ones the build leaves out what they are for.
packages="gcc g++ make re2c bison pkg-config check libprotobuf-c-dev protobuf-c-compiler libonnx-dev \
libjansson-dev zlib1g-dev libopenblas-dev"
optional="libopenmpi-dev openmpi-bin"
absent() {
    for p in "$@"; do
        dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || printf ' %s' "$p"
    done
}
install() {
    echo "installing:$*"
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $* >/dev/null
}
missing=$(absent $packages)
wanted=$(absent $optional)
[ -z "$missing$wanted" ] && exit 0
if [ "$(id -u)" = 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo"
elif [ -z "$missing" ]; then
    echo "without the optional packages$wanted"
    exit 0
else
    echo "These Debian packages are missing; install them and try again:" >&2
    echo "  apt-get install$missing" >&2
    exit 1
fi
$sudo apt-get update -qq >/dev/null
if [ -n "$missing" ] && ! install "$missing"; then
    echo "Installing failed; try by hand:" >&2
    echo "  apt-get install$missing" >&2
    exit 1
fi
[ -z "$wanted" ] || install "$wanted" || echo "without the optional packages$wanted"
