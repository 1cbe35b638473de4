# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of calls and their tests: not tested, dropped, overwritten, tested wrongly or in vain."""
