# SPDX-License-Identifier: GPL-2.0-or-later
"""The other ends of connections, as programs of their own: each prints "ready" once it can be reached."""
