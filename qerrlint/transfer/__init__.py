# SPDX-License-Identifier: GPL-2.0-or-later
"""Transfer functions: what one event of the CFG does to an abstract state."""
