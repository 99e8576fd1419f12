"""SmartCloud iNotes, the service of the article: its outbound servers look for the MX record and do not look people up.

Its retry schedule and codes were never published; they are those of `service.OTHER`.
"""

from __future__ import annotations

from coexsim.mail.products.service import MACHINE_SETTINGS, REPLIES, SCHEDULE, ServiceProduct

SMARTCLOUD_INOTES = ServiceProduct(
    "smartcloud-inotes", "hosted", SCHEDULE, REPLIES, MACHINE_SETTINGS, host_endings=("collabserv.com", "lotuslive.com")
)
