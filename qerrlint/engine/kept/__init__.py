# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of earlier runs, and when they are valid."""
