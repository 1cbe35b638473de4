# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shown of a result, and where replies go."""
