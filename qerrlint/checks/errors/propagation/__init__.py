# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a failure reaches the caller: Errors dropped, printed or not set, results that contradict them."""
