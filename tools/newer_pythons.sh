#!/usr/bin/env bash
# Bring CPython 3.14, 3.15 and a 3.13t without a GIL into a folder, to run the suite there.
#
#     sudo tools/newer_pythons.sh FOLDER
#     sudo chroot FOLDER sh -c 'cd /root/hyper && /opt/3.14/bin/python -m pytest test/threads'
#
# Debian's newest suite has 3.14 and 3.15, but none without a GIL: that one is built from Debian's
# source of 3.13, which takes ten minutes on two cores. Nothing outside the folder is touched.
set -euo pipefail
folder=${1:?"the folder"}
mirror=${2:-http://deb.debian.org/debian}

debootstrap --variant=minbase \
    --include=ca-certificates,gcc,make,libc6-dev,libssl-dev,zlib1g-dev,libffi-dev,libbz2-dev,liblzma-dev,xz-utils,dpkg-dev,openssl,python3.14,python3.14-venv,python3.15,python3.15-venv \
    sid "$folder" "$mirror"
cp /etc/resolv.conf "$folder/etc/resolv.conf"
# The machine's own authorities, for pip behind a proxy that has one.
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
echo "deb-src $mirror sid main" >> "$folder/etc/apt/sources.list"
chroot "$folder" sh -ec '
    for version in 3.14 3.15; do python$version -m venv /opt/$version; done
    apt-get -qq -o Acquire::Check-Valid-Until=false update
    cd /opt
    # A mirror may no longer have the version that is named last.
    for version in $(apt-cache showsrc python3.13 | sed -n "s/^Version: //p"); do
        apt-get -qq -o APT::Sandbox::User=root source --download-only "python3.13=$version" && break
    done
    mkdir source
    tar xf python3.13_*.orig.tar.xz -C source --strip-components=1
    cd source
    ./configure -q --disable-gil --prefix=/opt/3.13t
    make -s -j2
    make -s install
'
echo "In $folder: /opt/3.14/bin/python, /opt/3.15/bin/python, /opt/3.13t/bin/python3.13t"
