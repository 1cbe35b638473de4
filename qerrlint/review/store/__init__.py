# SPDX-License-Identifier: GPL-2.0-or-later
"""What reviews of changes keep in a store between runs."""
