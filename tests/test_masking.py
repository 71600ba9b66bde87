from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperdrive_retrofit import masking


@pytest.mark.parametrize(
    "name",
    [
        "STORAGE_KEY",
        "--storage_key",
        "--api-token",
        "hfToken",
        "DB_PASSWORD",
        "connection-string",
        "--sas",
        "db_pwd",
        "AZURE_CLIENT_SECRET",
        "apikey",
        "--accountKey",
        "accesstoken",
        "--key",
        "subscription-key",
        "dbpassword",
        "MY_CREDENTIALS",
    ],
)
def test_telling(name):
    """A variable or option of this name holds a secret."""
    assert masking.is_telling(name)


@pytest.mark.parametrize(
    "name",
    [
        "TOKENIZERS_PARALLELISM",
        "--tokenizer",
        "--max_tokens",
        "--num-tokens",
        "tokens_per_batch",
        "PWD",
        "lr",
        "monkey",
        "turkey",
        "--sort_key",
        "primary-key",
        "public_key",
        "num_keys",
        "join_keys",
        "pad_token",
        "eos-token",
        "special_tokens",
        "--tokens",
        "token_dropout",
    ],
)
def test_harmless(name):
    """A variable or option of this name holds none."""
    assert not masking.is_telling(name)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--lr", "0.1", "--storage_key", "s3cr3t", "data"], ["--lr", "0.1", "--storage_key", "***", "data"]),
        (["--api-token=s3cr3t"], ["--api-token=***"]),
        (["--password s3cr3t --lr 1"], ["--password *** --lr 1"]),
        (["--lr 1 --password", "s3cr3t"], ["--lr 1 --password", "***"]),
        (['--password "s3cr3t and more" --lr 1'], ["--password *** --lr 1"]),
        (['--password "s3cr3t without an end'], ["--password ***"]),
        (["--api-key", "--lr", "0.1"], ["--api-key", "--lr", "0.1"]),
        (["--keys", "s3cr3t", "s3cr3t", "--lr", "1"], ["--keys", "***", "***", "--lr", "1"]),
        (["api_key=s3cr3t"], ["api_key=***"]),
        (["--set", "db.password=s3cr3t"], ["--set", "db.password=***"]),
        (["{storage_key=s3cr3t}"], ["{storage_key=***}"]),
        (['{"user": "me", "api_key": "s3cr3t"}'], ['{"user": "me", "api_key": ***}']),
        (["AccountName=a;AccountKey=s3cr3t==;Suffix=b"], ["AccountName=a;AccountKey=***;Suffix=b"]),
        (["--data=https://a.net/b?sv=1&sig=s3cr3t&se=2"], ["--data=https://a.net/b?sv=1&sig=***&se=2"]),
        (["https://me:s3cr3t@a.net/b"], ["https://me:***@a.net/b"]),
        (["--max_tokens", "512", "-1", ""], ["--max_tokens", "512", "-1", ""]),
    ],
)
def test_words(words, shown):
    """Secrets of a command line are masked, and nothing else."""
    assert masking.mask_words(words) == tuple(shown)


def test_one_in_another():
    """Of a secret that begins like another one nothing is left, in whatever order they come."""
    assert masking.mask("the key is s3cr3t-of-mine", ("s3cr3t", "s3cr3t-of-mine")) == "the key is ***"


@given(st.lists(st.text()))
def test_any_words(words):
    """Whatever the words are, as many come back, and masking again changes nothing."""
    masked = masking.mask_words(words)

    assert len(masked) == len(words)
    assert masking.mask_words(masked) == masked
