# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails, threads, series and unified diffs."""
