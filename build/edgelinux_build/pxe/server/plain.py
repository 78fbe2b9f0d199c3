"""The web server for boot loaders and the medium: HTTP, since they know nothing else.

Nothing in it is secret but tokens: whoever sees a machine's boot menu pass by sees its token.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.identity import normalise_mac
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from edgelinux_build.menu import network_arguments
from edgelinux_build.pxe.configs import grub_device
from edgelinux_build.pxe.layout import MEDIUM
from edgelinux_build.pxe.server.desk import Desk, Offer
from edgelinux_build.pxe.server.files import TreeFiles
from edgelinux_build.pxe.server.headers import TitledHeaders
from edgelinux_build.pxe.server.ledger import Ledger
from edgelinux_build.pxe.server.secondstage import (
    Boot,
    grub_disk,
    grub_install,
    ipxe_disk,
    ipxe_install,
)
from edgelinux_build.pxe.server.tree import Tree

__all__ = ["Addresses", "client_address", "plain_app", "problem"]

log = logging.getLogger(__name__)

_NO_STORE = {"Cache-Control": "no-store"}


class Addresses:
    """Where machines find what, once the ports are known."""

    def __init__(self, http_url: str, https_url: str, pin: str) -> None:
        self.medium = f"{http_url}/{MEDIUM}"
        self.kickstart = f"{https_url}/ks"
        self.report = f"{https_url}/report"
        self.pin = pin
        self.grub = grub_device(self.medium)


def plain_app(
    desk: Desk, ledger: Ledger, tree: Tree, addresses: Addresses, texts: Mapping[str, str] | None = None
) -> Starlette:
    """Make the application: the second stage of each machine's boot, `texts` by path, the tree's files."""

    def boot(mac: str, base: str, offer: Offer) -> Boot:
        arguments = network_arguments(
            tree.info.menu,
            addresses.medium,
            tree.sha512,
            ks=addresses.kickstart,
            cert=addresses.pin,
            notify=addresses.report,
            token=offer.token,
            mac=mac,
        )
        title = f"{tree.info.product} {tree.info.version}: installing {mac}"
        return Boot(title, base, f"{arguments} edgelinux.install")

    def answer(
        request: Request, base: str, install: Callable[[Boot], str], disk: Callable[[str], str]
    ) -> Response:
        if request.method == "HEAD":
            # It would cost the machine its token.
            return PlainTextResponse("GET only\n", 405, headers={"Allow": "GET"})
        asked = request.query_params
        # BOOTIF has the type of the card in front.
        mac = normalise_mac(asked.get("mac", "").removeprefix("01-"))
        if not mac:
            return PlainTextResponse("which machine? mac=aa:bb:cc:dd:ee:ff\n", 400)
        offer = desk.boot(mac, client_address(request), serial=asked.get("serial"), uuid=asked.get("uuid"))
        if offer.decision.install:
            text = install(boot(mac, base, offer))
        else:
            text = disk(f"{mac} {offer.decision.reason}. Starting from its disk.")
        return PlainTextResponse(text, headers=_NO_STORE)

    def grub(request: Request) -> Response:
        return answer(request, addresses.grub, grub_install, grub_disk)

    def ipxe(request: Request) -> Response:
        return answer(request, addresses.medium, ipxe_install, ipxe_disk)

    def text(request: Request) -> Response:
        name = request.url.path.lstrip("/")
        ledger.fetched(client_address(request), name)
        return PlainTextResponse((texts or {})[name], headers=_NO_STORE)

    routes = [
        Route("/boot/grub.cfg", grub),
        Route("/boot/ipxe", ipxe),
        *(Route(f"/{path}", text) for path in texts or {}),
        Mount("/", TreeFiles(tree.directory, ledger)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(TitledHeaders)],
        exception_handlers={EdgeLinuxError: problem},
    )


def client_address(request: Request) -> str:
    """Who asks."""
    return request.client.host if request.client else ""


def problem(request: Request, error: Exception) -> Response:
    """Answer what the server cannot do just now, such as to write its state."""
    log.warning("%s: %s", request.url.path, error)
    return PlainTextResponse("the server has a problem: its own log says which\n", 503)
