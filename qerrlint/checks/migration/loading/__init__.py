# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of what happens while a state is loaded, and of what the stream may say."""
