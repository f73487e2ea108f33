"""A small S3: GetObject on a real socket, for signed requests only, with the ways in which it can go wrong."""

import hashlib
import hmac
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

KEY_ID: Final = "local-key"
SECRET: Final = "local-secret"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}


class S3Server:
    """Objects by bucket and key. Some keys behave: `denied…` is refused, `cut…` breaks off, `slow…` waits half-way."""

    def __init__(self) -> None:
        """Begin without objects; `serving` makes it answer."""
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.half_sent = threading.Event()
        self.may_go_on = threading.Event()
        self.endpoint_url = ""


@contextmanager
def serving() -> Iterator[S3Server]:
    """Lend a server that listens on a port of its own."""
    store = S3Server()

    class Handler(BaseHTTPRequestHandler):
        """Answers for `store`."""

        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Answer GetObject."""
            _answer(self, store)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    store.endpoint_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield store
    finally:
        store.may_go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, store: S3Server) -> None:
    name = unquote(request.path.partition("?")[0])
    store.asked.append(name)
    key = name.split("/", 2)[2]
    content = store.objects.get(name)
    if not _is_signed(request):
        _fail(request, 403, "SignatureDoesNotMatch")
    elif key.startswith("denied"):
        _fail(request, 403, "AccessDenied")
    elif content is None:
        _fail(request, 404, "NoSuchKey")
    else:
        half = len(content) // 2
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        request.end_headers()
        request.wfile.write(content[:half])
        request.wfile.flush()
        if key.startswith("cut"):
            request.close_connection = True
            return
        if key.startswith("slow"):
            store.half_sent.set()
            store.may_go_on.wait(50)
        request.wfile.write(content[half:])


def _fail(request: BaseHTTPRequestHandler, status: int, code: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>It is {code}.</Message></Error>".encode()
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _is_signed(request: BaseHTTPRequestHandler) -> bool:
    """Check the signature (version 4), as S3 does."""
    algorithm, _, rest = request.headers.get("Authorization", "").partition(" ")
    parts: Mapping[str, str] = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    key_id, day, region, service, _ = (parts.get("Credential", "") + "////").split("/")[:5]
    if (algorithm, key_id, service) != ("AWS4-HMAC-SHA256", KEY_ID, "s3"):
        return False
    names = parts["SignedHeaders"].split(";")
    path, _, query = request.path.partition("?")
    canonical = [request.command, path, query]
    canonical += [f"{name}:{' '.join((request.headers.get(name) or '').split())}" for name in names]
    canonical += ["", ";".join(names), request.headers["x-amz-content-sha256"]]
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = "\n".join([algorithm, request.headers["x-amz-date"], scope, digest])
    secret = f"AWS4{SECRET}".encode()
    for part in (day, region, "s3", "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(secret, text.encode(), "sha256").hex(), parts["Signature"])
