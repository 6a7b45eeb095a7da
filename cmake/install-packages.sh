#!/bin/sh
# install-packages.sh build|test: install with apt what is missing of the
# packages that building, or building and testing, lunatrix needs. Says what it
# is going to install; does nothing, and needs no privilege, when nothing is
# missing. Debian 12 and 13.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config liblua5.4-dev lua-cjson-dev
    libcurl4-openssl-dev libuv1-dev libsqlite3-dev libssl-dev
    libcmark-dev libedit-dev libmicrohttpd-dev"
tests="libcmocka-dev clang-format clang-tidy lua5.4 lua-check python3
    python3-venv openssl ca-certificates git tmux"

case "${1-}" in
build) wanted=$build ;;
test) wanted="$build $tests" ;;
*)
    echo "usage: $0 build|test" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "not Debian: please install the counterparts of" $wanted >&2
    exit 0
fi

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) ||
        status=absent
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing:$missing" >&2
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "missing, and neither root nor sudo here:$missing" >&2
    exit 1
fi
# $as_root and $missing are lists of words on purpose.
$as_root apt-get -qq update >&2
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install $missing </dev/null >&2
