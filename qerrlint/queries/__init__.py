# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a tree, asked directly: contracts of functions, migration modes."""
