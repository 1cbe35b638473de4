# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of the family `text`: what messages say, how errors are written down and functions declared."""
