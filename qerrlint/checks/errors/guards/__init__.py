# SPDX-License-Identifier: GPL-2.0-or-later
"""Uses of errp that need ERRP_GUARD() and have none."""
