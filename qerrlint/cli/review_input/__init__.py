# SPDX-License-Identifier: GPL-2.0-or-later
"""What `patch` and `diff` review: mails, revisions, the trees before and after."""
