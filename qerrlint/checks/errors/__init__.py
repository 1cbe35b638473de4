# SPDX-License-Identifier: GPL-2.0-or-later
"""Error objects and failures: what the sub-packages share stands here, the checks are in them by subject."""
