#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Reviews the commits of HEAD that upstream does not have, as one series; arguments are passed to qerrlint.
#
#   gate.sh [OPTION...]            e.g. gate.sh --format text --format json:qerrlint.json
#
# QERRLINT_UPSTREAM  the repository of upstream (default: QEMU's repository)
# QERRLINT_BRANCH    its branch (default: master)
# QERRLINT_BASE      a commit in the clone to compare with; then nothing is fetched
# QERRLINT           the command to run (default: qerrlint)
#
# Exits with qerrlint's code: 0 no findings, 1 findings, 2 wrong usage or configuration (also: no common ancestor),
# 3 something that the commits change could not be analysed.
set -u

upstream=${QERRLINT_UPSTREAM:-https://gitlab.com/qemu-project/qemu.git}
branch=${QERRLINT_BRANCH:-master}

give_up() {
    echo "gate: $*" >&2
    exit 2
}

if [ -n "${QERRLINT_BASE:-}" ]; then
    tip=$QERRLINT_BASE
else
    # Neither a remote nor a branch is left behind: FETCH_HEAD is all that this writes.
    git fetch --quiet --no-tags "$upstream" "$branch" || give_up "$upstream: $branch cannot be fetched"
    tip=FETCH_HEAD
fi
base=$(git merge-base "$tip" HEAD) ||
    give_up "no common ancestor of HEAD and $tip: is the clone too shallow (GIT_DEPTH)?"
count=$(git rev-list --count "$base..HEAD") || give_up "$base..HEAD cannot be listed"
echo "gate: $count commits since $base" >&2
if [ "$count" -eq 0 ]; then
    exit 0
fi

if [ "$(git rev-list --count --merges "$base..HEAD")" -gt 0 ]; then
    # A merge is no patch: what all of it changes is looked at as one change.
    exec ${QERRLINT:-qerrlint} diff "$@" "$base..HEAD"
fi
series=$(mktemp) || give_up "no temporary file"
trap 'rm -f "$series"' EXIT
git -c diff.noprefix=false -c diff.mnemonicPrefix=false format-patch \
    --quiet --stdout --no-signature --full-index --binary -M "$base..HEAD" >"$series" ||
    give_up "$base..HEAD: git format-patch failed"
if [ ! -s "$series" ]; then
    exit 0
fi
${QERRLINT:-qerrlint} patch --tree . --base "$base" "$@" "$series"
