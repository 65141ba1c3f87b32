"""Tell a patient's identifier from what stands where one was removed."""

import re

_WORDS = frozenset(
    (
        *("anon", "anonym", "anonymous", "anonymized", "anonymised", "anonymize", "anonymise"),
        *("deidentified", "deid", "pseudonymized", "pseudonymised", "removed", "redacted"),
        *("masked", "hidden", "deleted", "unknown", "undefined", "unspecified", "none", "null"),
        *("nil", "nan", "na", "notavailable", "notapplicable", "noid", "noname", "noidentifier"),
        *("patient", "patientid", "patientname", "anonymouspatient", "anonymizedpatient"),
        *("unknownpatient", "empty", "private", "confidential"),
    )
)
_SEPARATORS = re.compile(r"[\W_]+")


def is_placeholder(patient: str, *, in_table: bool = False) -> bool:
    """Tell whether a text stands for a removed identifier: `ANONYMOUS`, `Unknown`, `0`, `XXXX`.

    Args:
        patient: the text.
        in_table: whether it comes from a table, where 0 is often the first of the patients.
    """
    plain = _SEPARATORS.sub("", patient).casefold()
    if plain and set(plain) == {"0"}:
        return not in_table
    return not plain or plain in _WORDS or set(plain) == {"x"}
