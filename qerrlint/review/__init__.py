# SPDX-License-Identifier: GPL-2.0-or-later
"""What a patch did: before against after, series, threads."""
