# SPDX-License-Identifier: GPL-2.0-or-later
"""Series of patches: applied, reviewed with and without a tree, compared with earlier versions."""
