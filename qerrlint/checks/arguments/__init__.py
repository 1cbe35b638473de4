# SPDX-License-Identifier: GPL-2.0-or-later
"""Arguments and results of calls against the types of their declarations, as far as Errors go."""
