import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.encryption import Undecipherable, decrypt, encrypt

pytestmark = pytest.mark.any_database

OLD, NEW = "the old key", "the new key"


@given(text=st.text(), key=st.text(min_size=1))
def test_what_was_encrypted_is_decrypted(text: str, key: str) -> None:
    ciphertext = encrypt(text, [key])
    assert decrypt(ciphertext, [key]) == text
    assert ciphertext != text


def test_the_ciphertext_of_one_text_is_never_the_same_twice() -> None:
    assert encrypt("text", [OLD]) != encrypt("text", [OLD])


def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    before, after = encrypt("text", [OLD]), encrypt("text", [NEW, OLD])
    assert decrypt(before, [NEW, OLD]) == "text"
    assert decrypt(after, [NEW]) == "text"
    with pytest.raises(Undecipherable):
        decrypt(after, [OLD])


@pytest.mark.parametrize("ciphertext", ["", "x", "é", "gAAAAA==", "\0", "a" * 1_000])
def test_what_no_key_encrypted_is_undecipherable(ciphertext: str) -> None:
    with pytest.raises(Undecipherable):
        decrypt(ciphertext, [OLD])


def test_a_ciphertext_that_was_tampered_with_is_undecipherable() -> None:
    ciphertext = encrypt("text", [OLD])
    middle = len(ciphertext) // 2
    other = "A" if ciphertext[middle] != "A" else "B"
    with pytest.raises(Undecipherable):
        decrypt(ciphertext[:middle] + other + ciphertext[middle + 1 :], [OLD])


def test_a_refusal_is_not_remembered_once_the_key_is_at_hand() -> None:
    ciphertext = encrypt("text", [OLD])
    with pytest.raises(Undecipherable):
        decrypt(ciphertext, [NEW])
    assert decrypt(ciphertext, [NEW, OLD]) == "text"
