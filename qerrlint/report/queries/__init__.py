# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a tree, as text and JSON: contracts, modes, devices, migration state."""
