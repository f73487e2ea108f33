"""Notices to a webhook, as Standard Webhooks asks for: POST, signed, and whatever is not 2xx is tried again.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
import ssl
from collections.abc import Sequence
from typing import Final

import anyio
import structlog

from orchestrator import __version__
from orchestrator.faces.notices import posting
from orchestrator.model.errors import NoticeError, NoticeRefusedError, OutletGoneError
from orchestrator.model.notices import Wanted
from orchestrator.operations.send_notices import Notice
from orchestrator.settings_notices import address

log = structlog.stdlib.get_logger()
_GONE: Final = 410
_UNFIT: Final = frozenset({400, 413, 414, 415, 422, 431})
"""What says that this notice cannot be taken, whoever sends it and whenever; 401, 403 and 404 are mended by somebody."""
_MS_PER_S: Final = 1000


class WebhookOutlet:
    """An address, and the keys that what is sent there is signed with; without one, it is not."""

    most: Final = 1

    def __init__(self, name: str, wanted: Wanted, url: str, keys: Sequence[bytes], *, timeout_s: float) -> None:
        """Take an address that `settings_notices.address` takes."""
        parts = address(url)
        context = ssl.create_default_context() if parts.scheme == "https" else None
        default_port = 80 if context is None else 443
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        self.name = name
        self.wanted = wanted
        self._target = posting.Target(
            host=parts.hostname or "", port=parts.port or default_port, authority=parts.netloc, path=path, tls=context
        )
        self._keys = keys
        self._timeout_s = timeout_s

    async def send(self, notices: Sequence[Notice], *, at_ms: int) -> None:
        """Post each."""
        for notice in notices:
            await self._post(notice, at_ms // _MS_PER_S)

    async def _post(self, notice: Notice, at_s: int) -> None:
        headers = {
            "content-type": "application/json",
            "user-agent": f"orchestrator/{__version__}",
            "webhook-id": notice.id,
            "webhook-timestamp": str(at_s),  # of this try: receivers refuse old ones
        }
        if self._keys:
            headers["webhook-signature"] = " ".join(signature(key, notice.id, at_s, notice.body) for key in self._keys)
        try:
            with anyio.fail_after(self._timeout_s):
                answer = await posting.post(self._target, headers, notice.body)
        except TimeoutError:
            raise NoticeError(f"the webhook has not answered within {self._timeout_s:g} s") from None
        except posting.PostError as error:
            raise NoticeError(str(error)) from error
        log.debug("notice_webhook", outlet=self.name, status=answer.status, body=answer.body.decode(errors="replace"))
        if answer.status == _GONE:
            raise OutletGoneError(f"the webhook answered {_GONE}, so it wants no more")
        if answer.status in _UNFIT:
            raise NoticeRefusedError(f"the webhook answered {answer.status}")
        if not 200 <= answer.status < 300:
            raise NoticeError(f"the webhook answered {answer.status}")


def signature(key: bytes, notice_id: str, at_s: int, body: bytes) -> str:
    """Return the signature of a notice that is sent at `at_s`."""
    digest = hmac.digest(key, f"{notice_id}.{at_s}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
