# SPDX-License-Identifier: GPL-2.0-or-later
"""Arguments of messages: error numbers that are wrong, and strings that are freed."""
