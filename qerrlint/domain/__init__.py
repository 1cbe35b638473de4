# SPDX-License-Identifier: GPL-2.0-or-later
"""The abstract domain: signs, the Error typestate, the ownership typestate, and their product."""
