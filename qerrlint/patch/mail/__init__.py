# SPDX-License-Identifier: GPL-2.0-or-later
"""Input of every kind made messages: mailboxes, mails, saved pages, logs, packed files."""
