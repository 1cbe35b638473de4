# SPDX-License-Identifier: GPL-2.0-or-later
"""Lowering: a parsed function becomes events and blocks (qerrlint.ir.code).

`function` is the entry. The handlers of the grammar's nodes stand in `expressions`, `calls`, `conditions`,
`declarations` and `statements`; they work on one `Lowering`, which holds the graph (`builder`), the
function's text (`node_text`) and the dispatch from a node's kind to its handler.
"""
