# SPDX-License-Identifier: GPL-2.0-or-later
"""What a watcher of a mailing list remembers: mails by thread, series, what was reviewed and drafted."""
