"""Who may call: the OAuth token endpoint, the SOAP login, and the check of a session.

Known to the org (``credentials``): ``client_id`` and ``client_secret``; optionally ``username``,
``password`` and ``security_token``; ``jwt_public_key`` (PEM) for the JWT flow; ``refresh_token``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import html
import json
import re
import secrets
import time
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.responses import JSONResponse, Response

from sandbox.vendors.salesforce import schema, values
from sandbox.vendors.salesforce.call import VENDOR, Org
from sandbox.vendors.salesforce.errors import ApiError

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
_LAST_SOAP_LOGIN = 64  # SOAP login() is gone from 65.0 on


class RefusedError(Exception):
    """The token endpoint says no."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def token(org: Org, body: bytes, authorization: str | None) -> Response:
    """``POST /services/oauth2/token``."""
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if org.faults.take(VENDOR, "/services/oauth2/token", "login_refused"):
        return _refusal(RefusedError("invalid_grant", "login rate exceeded"))
    grants = {
        "client_credentials": _client_credentials,
        "password": _password,
        "refresh_token": _refresh,
        _JWT_GRANT: _jwt,
    }
    try:
        grant = grants.get(form.get("grant_type", ""))
        if grant is None:
            raise RefusedError("unsupported_grant_type", "grant type not supported")
        extra = grant(org, form, authorization)
    except RefusedError as refused:
        return _refusal(refused)
    return JSONResponse({**_session(org), **extra})


def _refusal(refused: RefusedError) -> Response:
    return JSONResponse({"error": refused.error, "error_description": refused.description}, 400)


def _session(org: Org) -> dict[str, str]:
    figures = schema.org()
    user_id = ensure_user(org)
    access_token = open_session(org, user_id)
    identity = f"https://login.salesforce.com/id/{figures['id']}/{user_id}"
    issued_at = str(int(org.store.clock.now().timestamp() * 1000))
    secret = str(org.credentials.get("client_secret", "")).encode()
    signature = hmac.new(secret, (identity + issued_at).encode(), sha256).digest()
    return {
        "access_token": access_token,
        "instance_url": figures["my_domain"],
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
        "signature": base64.b64encode(signature).decode(),
        "scope": "api",
    }


def open_session(org: Org, user_id: str) -> str:
    """A new session; its life is counted on the virtual clock."""
    access_token = f"{schema.org()['id'][:15]}!AQ{secrets.token_hex(32)}"
    opened_at = values.stamp(org.store.clock.now())
    org.store.execute("insert into session values (?, ?, ?)", (access_token, user_id, opened_at))
    return access_token


def ensure_user(org: Org) -> str:
    """The id of the user that API calls run as, made at the first login."""
    user = schema.org()["integration_user"]
    known = org.store.execute('select "Id" from "User" where "Id" = ?', (user["Id"],))
    if not known:
        org.store.seed("User", [{**user, "IsActive": True}])
    return str(user["Id"])


def _check_client(org: Org, client_id: str | None, client_secret: str | None) -> None:
    if not client_id or not _same(client_id, org.credentials.get("client_id")):
        raise RefusedError("invalid_client_id", "client identifier invalid")
    if not client_secret or not _same(client_secret, org.credentials.get("client_secret")):
        raise RefusedError("invalid_client", "invalid client credentials")


def _same(given: str, known: Any) -> bool:
    return known is not None and hmac.compare_digest(given.encode(), str(known).encode())


def _client_credentials(
    org: Org, form: dict[str, str], authorization: str | None
) -> dict[str, str]:
    client_id, client_secret = form.get("client_id"), form.get("client_secret")
    if authorization and authorization.lower().startswith("basic "):
        try:
            decoded = base64.b64decode(authorization[6:], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise RefusedError("invalid_client", "invalid client credentials") from None
        client_id, _, client_secret = decoded.partition(":")
    _check_client(org, client_id, client_secret)
    return {}


def _password(org: Org, form: dict[str, str], authorization: str | None) -> dict[str, str]:
    del authorization
    _check_client(org, form.get("client_id"), form.get("client_secret"))
    if not _knows_password(org, form.get("username", ""), form.get("password", "")):
        raise RefusedError("invalid_grant", "authentication failure")
    return {}


def _knows_password(org: Org, username: str, password: str) -> bool:
    known = org.credentials
    expected = f"{known.get('password', '')}{known.get('security_token', '')}"
    if not known.get("username") or not expected:
        return False
    return _same(username, known["username"]) and _same(password, expected)


def _refresh(org: Org, form: dict[str, str], authorization: str | None) -> dict[str, str]:
    del authorization
    if not _same(form.get("client_id", ""), org.credentials.get("client_id")):
        raise RefusedError("invalid_client_id", "client identifier invalid")
    given = form.get("refresh_token", "")
    first = org.credentials.get("refresh_token")
    with org.store.transaction():
        if first:
            org.store.execute("insert or ignore into refresh_token values (?, 1)", (first,))
        alive = org.store.execute(
            "select token from refresh_token where token = ? and alive = 1", (given,)
        )
        if not alive:
            raise RefusedError("invalid_grant", "expired access/refresh token")
        if not schema.org()["rotate_refresh_tokens"]:
            return {}
        fresh = f"5Aep{secrets.token_hex(32)}"
        org.store.execute("update refresh_token set alive = 0 where token = ?", (given,))
        org.store.execute("insert into refresh_token values (?, 1)", (fresh,))
    return {"refresh_token": fresh}


def _jwt(org: Org, form: dict[str, str], authorization: str | None) -> dict[str, str]:
    """RFC 7523 with RS256; the expiry is of the machine's clock, as it is the caller's."""
    del authorization
    pem = org.credentials.get("jwt_public_key")
    parts = form.get("assertion", "").split(".")
    try:
        header, claims = (json.loads(_base64url(part)) for part in parts[:2])
        signature = _base64url(parts[2])
        expires = float(claims["exp"])
    except (IndexError, KeyError, ValueError, TypeError):
        raise RefusedError("invalid_grant", "invalid assertion") from None
    if not _same(str(claims.get("iss", "")), org.credentials.get("client_id")):
        raise RefusedError("invalid_client_id", "client identifier invalid")
    if pem is None or claims.get("sub") != org.credentials.get("username"):
        raise RefusedError("invalid_grant", "user hasn't approved this consumer")
    key = serialization.load_pem_public_key(str(pem).encode())
    if not isinstance(key, rsa.RSAPublicKey) or header.get("alg") != "RS256":
        raise RefusedError("invalid_grant", "invalid assertion")
    try:
        signed = ".".join(parts[:2]).encode()
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise RefusedError("invalid_grant", "invalid assertion") from None
    if claims.get("aud") not in (*_AUDIENCES, schema.org()["my_domain"]):
        raise RefusedError("invalid_grant", "audience is invalid")
    left = expires - time.time()
    if not 0 < left <= schema.org()["jwt_lifetime_seconds"]:
        raise RefusedError("invalid_grant", "expired authorization code")
    return {}


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check_session(org: Org, authorization: str | None, path: str) -> str:
    """The user behind an ``Authorization`` header. Raises 401 errors as :class:`ApiError`."""
    scheme, _, given = (authorization or "").partition(" ")
    if authorization and (scheme.lower() not in {"bearer", "oauth"} or not given.strip()):
        raise ApiError(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    given = given.strip()
    if org.faults.take(VENDOR, path, "expired_token"):
        org.store.execute("delete from session where token = ?", (given,))
    oldest = org.store.clock.now() - timedelta(hours=schema.org()["session_hours"])
    found = org.store.execute(
        "select user_id from session where token = ? and opened_at > ?",
        (given, values.stamp(oldest)),
    )
    if not found:
        raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
    return str(found[0]["user_id"])


def soap_login(org: Org, body: bytes, version: str) -> Response:
    """``POST /services/Soap/u/<version>`` with a ``login`` element of any prefix."""
    if float(version) > _LAST_SOAP_LOGIN + 0.9:
        return _fault("UNSUPPORTED_API_VERSION", f"login() is not available in version {version}")
    text = body.decode("utf-8", "replace")
    username, password = (_element(text, name) for name in ("username", "password"))
    if username is None or password is None:
        return _fault(
            "INVALID_LOGIN", "Invalid username, password, security token; or user locked out."
        )
    if not _knows_password(org, username, password):
        known = org.credentials
        if known.get("security_token") and _same(password, known.get("password")):
            return _fault(
                "LOGIN_MUST_USE_SECURITY_TOKEN",
                "Invalid username, password, security token; or user locked out. Are you at a new "
                "location? When accessing Salesforce--either via a desktop client or the API--from "
                "outside of your company's trusted networks, you must add a security token to "
                "your password to log in.",
            )
        return _fault(
            "INVALID_LOGIN", "Invalid username, password, security token; or user locked out."
        )
    figures = schema.org()
    user_id = ensure_user(org)
    session = open_session(org, user_id)
    server = f"{figures['my_domain']}/services/Soap/u/{version}/{figures['id'][:15]}"
    answer = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns="urn:partner.soap.sforce.com" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><loginResponse>'
        f"<result><passwordExpired>false</passwordExpired><sandbox>false</sandbox>"
        f"<serverUrl>{server}</serverUrl><sessionId>{session}</sessionId>"
        f"<userId>{user_id}</userId><userInfo><organizationId>{figures['id']}</organizationId>"
        f"<userName>{html.escape(username)}</userName></userInfo></result>"
        "</loginResponse></soapenv:Body></soapenv:Envelope>"
    )
    return Response(answer, media_type="text/xml")


def _element(text: str, name: str) -> str | None:
    match = re.search(rf"<(?:\w+:)?{name}\b[^>]*>(.*?)</(?:\w+:)?{name}>", text, re.DOTALL)
    return html.unescape(match.group(1)) if match else None


def _fault(code: str, message: str) -> Response:
    text = html.escape(message)
    answer = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:sf="urn:fault.partner.soap.sforce.com" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {text}</faultstring>"
        f'<detail><sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>{code}'
        f"</sf:exceptionCode><sf:exceptionMessage>{text}</sf:exceptionMessage></sf:LoginFault>"
        "</detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )
    return Response(answer, 500, media_type="text/xml")
