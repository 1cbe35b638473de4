# SPDX-License-Identifier: GPL-2.0-or-later
"""Where bytes come from: a directory, git objects at a revision, an overlay."""
