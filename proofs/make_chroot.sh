#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# make_chroot.sh DIR SUITE: a minimal Debian with QEMU's packages, as root. A package list that is out of date is no fault.
set -eu
dir=$1
suite=$2
packages="qemu-system-x86 qemu-system-arm qemu-system-riscv qemu-system-ppc qemu-system-s390x qemu-system-misc
    qemu-system-mips qemu-system-sparc qemu-utils qemu-block-extra qemu-guest-agent qemu-efi-aarch64 seabios
    ipxe-qemu valgrind"
command -v debootstrap >/dev/null || { echo 'make_chroot.sh: debootstrap is missing: apt install debootstrap' >&2; exit 2; }
test "$(id -u)" -eq 0 || { echo 'make_chroot.sh: only root can make a chroot' >&2; exit 2; }
test -e "$dir/usr/bin/env" || debootstrap --variant=minbase "$suite" "$dir"
apt() {
    chroot "$dir" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Check-Valid-Until=false "$@"
}
apt update
# shellcheck disable=SC2086 # a list of packages
apt install --yes --no-install-recommends $packages
apt clean
