# SPDX-License-Identifier: GPL-2.0-or-later
"""A function's contract as JSON (schema qerrlint-contract/1, to which fields are only added)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect
from qerrlint.queries.contract import Body, Contract, Site, Way
from qerrlint.report.queries.contract_text import SIGNS, prototype, result_text


def document(found: Contract, root: str, revision: str | None) -> dict[str, Any]:
    """The contract as JSON's own types; fields are only added to the schema."""
    signature = found.signature
    return {
        "schema": "qerrlint-contract/1",
        "tree": {"root": root, "revision": revision},
        "function": found.name,
        "kind": found.kind,
        "signature": _signature_document(signature) if signature is not None else None,
        "definition": _site(found.definition) if found.definition is not None else None,
        "other_definitions": list(map(_site, found.other_definitions)),
        "declarations": list(map(_site, found.declarations)),
        "out_error": signature.errp if signature is not None else None,
        "result": found.result,
        "exception": {"fails": found.fails, "reason": found.reason} if found.fails is not None else None,
        "noreturn": found.noreturn,
        "fact": _fact_document(found.fact, found.reason) if found.fact is not None else None,
        "assumed": [_way_document(found.result, Way(outcome)) for outcome in found.assumed],
        "body": _body_document(found.body, found.result) if found.body is not None else None,
        "address": {
            "total": found.stored.total,
            "items": [
                {
                    **_site(stored.site),
                    "member": None if stored.argument else stored.member,
                    "holder": stored.holder or None,
                    "argument_of": stored.member if stored.argument else None,
                }
                for stored in found.stored.items
            ],
        },
        "callers": {
            "total": found.callers.total,
            "files": found.caller_files,
            "items": list(map(_site, found.callers.items)),
        },
        "files_left_out": found.outside,
    }


def _signature_document(signature: Signature) -> dict[str, Any]:
    return {
        "text": prototype(signature),
        "parameters": [{"name": param.name, "type": param.type} for param in signature.params],
        "returns": signature.returns,
        "variadic": signature.variadic,
        "static": signature.static,
    }


def _fact_document(fact: Effect, reason: str) -> dict[str, Any]:
    return {
        "sets": fact.errp,
        "consumes": fact.consumes,
        "how": fact.how or None,
        "clears": fact.clears,
        "keeps": fact.keeps,
        "makes_error": fact.makes_error,
        "reason": reason,
    }


def _body_document(body: Body, result: str) -> dict[str, Any]:
    return {
        "damaged": body.damaged or None,
        "outcomes": [_way_document(result, way) for way in body.ways],
        "consumes": body.consumes,
        "clears": body.clears,
        "noreturn": body.noreturn,
        "complete": body.complete,
        "keeps_to_itself": [asdict(kept) for kept in body.kept],
        "setters": [asdict(setter) for setter in body.setters],
    }


def _site(site: Site) -> dict[str, Any]:
    return {"path": site.path, "line": site.line, "function": site.function or None}


def _way_document(kind: str, way: Way) -> dict[str, Any]:
    outcome = way.outcome
    error = "set" if outcome.sets else "unset" if outcome.unset or outcome.sets is False else "unknown"
    return {
        "result": result_text(kind, outcome.signs),
        "signs": [word for bits, word in SIGNS if outcome.signs & bits],
        "value": outcome.value or None,
        "error": error,
        "tolerant": outcome.tolerant,
        "failure_without_error": outcome.unset,
        "lines": list(way.lines),
    }
