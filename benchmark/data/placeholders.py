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


def is_placeholder(patient: str) -> bool:
    """Tell whether a text stands for a removed identifier: `ANONYMOUS`, `Unknown`, `0`, `XXXX`."""
    plain = _SEPARATORS.sub("", patient).casefold()
    return plain in _WORDS or set(plain) <= {"0"} or set(plain) == {"x"}
