# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables that something frees before they have a value."""
