# SPDX-License-Identifier: GPL-2.0-or-later
"""The language server: findings of a buffer, their form in the protocol, the server."""
