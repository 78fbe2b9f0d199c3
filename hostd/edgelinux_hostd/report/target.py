"""Where reports go, and one attempt to bring one there. Standard library only."""

from __future__ import annotations

import http.client
import json
import logging
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.pinned import check_url, open_url, parse_pin

__all__ = ["Outcome", "Target", "deliver"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """A URL that takes reports, the pin of its certificate and its token, "" where there is none."""

    url: str
    cert: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str, cert: str = "", token: str = "") -> Target:
        """Make one of what somebody wrote. Raises EdgeLinuxError when that cannot be used."""
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise EdgeLinuxError("the token is not one word", hint="letters, digits and signs, no blanks")
        if cert and not url.lower().startswith("https:"):
            raise EdgeLinuxError(
                f"{url} has no certificate to be checked", hint="https://…, or leave cert out"
            )
        return cls(check_url(url), parse_pin(cert) if cert else "", token)


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt: taken, or refused for good, or to be tried again; `reason` says why not."""

    state: Literal["taken", "refused", "later"]
    reason: str = ""


def deliver(target: Target, report: Mapping[str, Any], timeout: float) -> Outcome:
    """Post one report. Never raises; `timeout`, in seconds, is for each wait."""
    body = json.dumps(report).encode()
    headers = {"Content-Type": "application/json"}
    try:
        with open_url(
            target.url, cert=target.cert, token=target.token, headers=headers, body=body, timeout=timeout
        ):
            return Outcome("taken")
    except urllib.error.HTTPError as error:
        error.close()
        state: Literal["refused", "later"] = "later" if error.code >= 500 else "refused"
        return Outcome(state, f"{target.url}: {error.code} {error.reason}")
    except EdgeLinuxError as error:
        return Outcome("refused", str(error))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        return Outcome("later", f"{target.url}: {said}")
    except Exception as error:
        # Whatever it is, what is reported on matters more.
        log.exception("a report to %s", target.url)
        return Outcome("refused", f"{target.url}: unexpected {type(error).__name__}")
