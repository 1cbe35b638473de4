# SPDX-License-Identifier: GPL-2.0-or-later
"""What a tree is made of, and what of it has changed since an earlier run."""
