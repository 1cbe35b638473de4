# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest may do: where it enters the functions of a file, and what they do with what it hands them."""
