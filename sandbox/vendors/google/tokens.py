"""``/token``: an access token for a JWT that the service account signed."""

from __future__ import annotations

import secrets
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from starlette.responses import JSONResponse, Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.google.answers import refused
from sandbox.vendors.google.store import Store
from sandbox.vendors.rate_window import vendor_seconds

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE_SECONDS = 3599
MAX_ASSERTION_SECONDS = 3600


@cache
def _public_key(private_key: str) -> RSAPublicKey:
    """The public half of a key; kept, for reading the private one proves its primes."""
    private = load_pem_private_key(private_key.encode(), password=None)
    if not isinstance(private, RSAPrivateKey):
        raise TypeError("A service account's key is an RSA key.")
    return private.public_key()


class Tokens:
    """The access tokens of one service account."""

    def __init__(self, store: Store, faults: FaultPlan, credentials: dict[str, Any]) -> None:
        self._store = store
        self._faults = faults
        self._email = str(credentials["client_email"])
        self._key_id = str(credentials["private_key_id"])
        self._public = _public_key(str(credentials["private_key"]))

    def token(self, call: Call) -> Response:
        """Exchange an assertion for an access token."""
        form = call.form_or_empty()
        if form.get("grant_type") != GRANT_TYPE:
            raise _oauth(
                "unsupported_grant_type", "Invalid grant_type: " + form.get("grant_type", "")
            )
        claims = self._claims(form.get("assertion", ""))
        if claims["iss"] != self._email:
            raise _oauth("invalid_grant", "Invalid grant: account not found")
        if claims["exp"] - claims["iat"] > MAX_ASSERTION_SECONDS:
            raise _oauth(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe. Check your iat and exp values in the JWT claim.",
            )
        if not str(claims["aud"]).endswith("/token"):
            raise _oauth("invalid_grant", "Invalid JWT: Failed audience check.")
        if not claims.get("scope"):
            raise _oauth("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        access = f"ya29.{secrets.token_urlsafe(32)}"
        until = vendor_seconds(self._store.clock) + LIFE_SECONDS
        self._store.tokens.put(access, {"until": until, "scope": claims["scope"]})
        return JSONResponse(
            {"access_token": access, "expires_in": LIFE_SECONDS, "token_type": "Bearer"}
        )

    def _claims(self, assertion: str) -> dict[str, Any]:
        try:
            if jwt.get_unverified_header(assertion).get("kid") not in (None, self._key_id):
                raise _oauth("invalid_grant", "Invalid JWT Signature.")
            # The audience is this server under whatever name the caller knows it by.
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self._public,
                algorithms=["RS256"],
                options={"verify_aud": False, "require": ["iss", "aud", "iat", "exp"]},
                leeway=60,
            )
        except jwt.InvalidSignatureError:
            raise _oauth("invalid_grant", "Invalid JWT Signature.") from None
        except jwt.PyJWTError as error:
            raise _oauth("invalid_grant", f"Invalid JWT: {error}") from None
        return claims

    def check(self, call: Call, *scopes: str) -> None:
        """Refuse a call without a live token that has one of the scopes."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        held = self._store.tokens.get(token) if scheme == "Bearer" else None
        live = held is not None and vendor_seconds(self._store.clock) < held["until"]
        if not live or held is None or self._faults.take("google", call.path, "expired_token"):
            raise refused(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token, "
                "login cookie or other valid authentication credential.",
            )
        if not any(scope in str(held["scope"]).split() for scope in scopes):
            raise refused(403, "Request had insufficient authentication scopes.")
        if self._faults.take("google", call.path, "permission_denied"):
            raise refused(403, "The caller does not have permission")


def _oauth(error: str, description: str) -> Refusal:
    return Refusal(JSONResponse({"error": error, "error_description": description}, 400))
