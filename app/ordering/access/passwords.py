"""Password hashes: scrypt, from the standard library, with its parameters beside the hash."""

import base64
import hashlib
import hmac
import os

__all__ = ["hash_password", "verify_password"]

_N, _R, _P = 2**14, 8, 1
_SALT_BYTES = 16
_MAX_PASSWORD_BYTES = 1024


def hash_password(password: str) -> str:
    """Hash a password: `scrypt$n$r$p$salt$hash`, the last two in base 64."""
    salt = os.urandom(_SALT_BYTES)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)
    return "$".join(
        (
            "scrypt",
            str(_N),
            str(_R),
            str(_P),
            base64.b64encode(salt).decode(),
            base64.b64encode(digest).decode(),
        )
    )


def verify_password(password: str, hashed: str) -> bool:
    """Tell whether a password belongs to a hash, in a time that does not tell how near it was.

    Takes about 50 ms of processor time: call it in a thread.
    """
    if len(password.encode()) > _MAX_PASSWORD_BYTES:
        return False
    _, n, r, p, salt, digest = hashed.split("$")
    found = hashlib.scrypt(
        password.encode(), salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p)
    )
    return hmac.compare_digest(found, base64.b64decode(digest))
