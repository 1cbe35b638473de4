# SPDX-License-Identifier: GPL-2.0-or-later
"""Integer expressions of C: read from their text, and evaluated as numbers or as values of C's types."""
