"""Password hashes."""

from ordering.access.passwords import hash_password, verify_password


def test_a_password_belongs_to_its_hash_and_no_other_does() -> None:
    hashed = hash_password("correct horse")
    assert verify_password("correct horse", hashed)
    assert not verify_password("correct horsE", hashed)
    assert not verify_password("", hashed)


def test_equal_passwords_have_different_hashes() -> None:
    assert hash_password("same") != hash_password("same")


def test_the_hash_tells_how_it_was_made() -> None:
    scheme, n, r, p, _salt, _digest = hash_password("x").split("$")
    assert (scheme, n, r, p) == ("scrypt", "16384", "8", "1")


def test_an_endless_password_is_refused_before_it_is_hashed() -> None:
    assert not verify_password("x" * 1025, "not even a hash")
