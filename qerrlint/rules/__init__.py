# SPDX-License-Identifier: GPL-2.0-or-later
"""Rule files: how they are found, validated, selected, and how they word an observation."""
