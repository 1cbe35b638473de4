# SPDX-License-Identifier: GPL-2.0-or-later
"""What an interpretation may meet at a place."""

from __future__ import annotations

from enum import Enum


class OccurrenceKind(str, Enum):
    """What happens at a place. The values are words for messages of tests, and equal to plain strings."""

    SET_AGAIN = "set-again"  # a call sets an Error that is set already
    TOLERATED = "tolerated"  # error_propagate() frees the second of two Errors
    DEREF = "deref"  # the out-parameter is dereferenced
    CONSUMED = "consumed"  # a consumer takes the Error
    STALE = "stale"  # a pointer to a freed Error is handed over to be set
    UNINIT = "uninit"  # an uninitialised pointer is used
    GONE_USED = "gone-used"  # a freed Error is used
    GONE_KEPT = "gone-kept"  # a pointer to a freed Error is stored in memory that lives on, or returned
    NULL_REPORTED = "null-reported"  # a function that reads the Error gets NULL
    NULL_OVER_ERROR = "null-over-error"  # NULL is propagated where the out-parameter holds an Error
    NULL_PROPAGATED = "null-propagated"  # NULL is propagated where the out-parameter holds none
    LEFT_SET = "left-set"  # the function returns, and a local still holds an Error
    OVERWRITTEN = "overwritten"  # a local that holds an Error gets another value, or is declared anew
    LEFT_OWNED = "left-owned"  # the function returns, and an `Error *` parameter was not touched
    LEFT_GONE = "left-gone"  # the function returns, and what lives on still points to a freed Error
    ERRP_TESTED = "errp-tested"  # the out-parameter itself is tested, not what it points to
    SIGN_TESTED = "sign-tested"  # a bool or pointer result is tested for its sign
    EXITS = "exits"  # a callee that does not return
    DROPPED_RESULT = (
        "dropped-result"  # the result of a callee without Error, or with NULL for it, is not used
    )
    GOES_ON = "goes-on"  # other work follows an error_setg() of the function itself
    FAILED_ON = "failed-on"  # work follows a call that has set the out-parameter, as the path has seen
    UNCHECKED = "unchecked"  # work follows a call that may have set the out-parameter, and nothing has looked
    FREED_ARGUMENT = "freed-argument"  # a freed string is formatted into a message
    NEGATIVE_ERRNO = "negative-errno"  # a negative number is taken for an errno

    __hash__ = str.__hash__
