"""Passwords in addresses are never shown."""

import pytest

from benchmark.texts import last_parts, markdown_cell, masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://ann:geheim@db.org:5432/studies", "postgresql://ann:***@db.org:5432/studies"),
        ("mysql+pymysql://ann:ge@heim/1@db/x", "mysql+pymysql://ann:***@db/x"),
        ("redis://:geheim@db:6379", "redis://:***@db:6379"),
        ("https://ann:geheim@mlflow.org/a", "https://ann:***@mlflow.org/a"),
        ("https://ghp_geheim@mlflow.org", "https://***@mlflow.org"),
        ("postgresql://db/x?user=a&password=geheim&sslmode=on", None),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dgeheim", None),
        ("two: http://a:geheim@h/ and pg://b:geheim@h.", "two: http://a:***@h/ and pg://b:***@h."),
    ],
)
def test_a_password_in_an_address_is_not_shown(address: str, shown: str | None) -> None:
    assert "geheim" not in masked(address)
    assert shown in (None, masked(address))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "sqlite:////home/ann/a:b@c.db",
        "http://host:5000/a@b",
        "wasbs://box@account.blob.core.windows.net/x",
        "postgresql://ann@db/x",
        "results/studies/",
        "lines: 3 images of key=value",
    ],
)
def test_an_address_without_a_password_is_shown_as_it_is(address: str) -> None:
    assert masked(address) == address


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read /home/smith/data/x.png: no", "cannot read x.png: no"),
        ("[Errno 28] full: '/home/john smith/x/mlruns'", "[Errno 28] full: 'mlruns'"),
        ("C:\\Users\\smith\\x.png, ~/.keras/w.h5 file:///x/y/z.bin", "x.png, w.h5 z.bin"),
        ("['/home/x/a', '/home/y/b'] (/d/e/f)", "['a', 'b'] (f)"),
        ("see https://mlflow.org/a/b, 70/15/15, n/a and 3 / 4", None),
    ],
)
def test_of_a_path_only_the_last_part_is_shown(text: str, shown: str | None) -> None:
    assert last_parts(text) == (text if shown is None else shown)


def test_what_would_break_a_table_in_markdown_is_made_harmless() -> None:
    assert markdown_cell(" two\nlines | <b>") == "two lines \\| &lt;b>"
