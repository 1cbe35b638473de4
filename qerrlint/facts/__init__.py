# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of functions: signatures, summaries, roles, contracts; it knows no rules."""
