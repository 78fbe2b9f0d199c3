"""The screens, one to a file."""

from edgelinux_installer.interactive.pages.access import AccessPage
from edgelinux_installer.interactive.pages.disks import DisksPage
from edgelinux_installer.interactive.pages.network import NetworkPage
from edgelinux_installer.interactive.pages.place import PlacePage
from edgelinux_installer.interactive.pages.summary import SummaryPage
from edgelinux_installer.interactive.pages.welcome import WelcomePage

__all__ = ["PAGES"]

PAGES = (WelcomePage, DisksPage, NetworkPage, PlacePage, AccessPage, SummaryPage)
"""In the order in which they come."""
