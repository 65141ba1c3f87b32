"""A light version beside a registered one: the same network, without TensorFlow and Keras."""

from ..errors import DataError, PromotionError, UsageError
from ..records import Record
from ..tracking import CANDIDATE, CHAMPION, Registration, Version, light_alias
from ..training import write_openvino
from .registering import Registered, Registering
from .replacing import read_all

_COPIED = ("spec_digest", "arch", "regime", "weights", "data", "classes", "synthetic", "seed")


def register_light(how: Registering, chosen: Record | None) -> Registered:
    """Register the light version of the champion, or of the run that a person chose.

    It is tried as every version is, with TensorFlow and Keras out of reach, and gets the alias of
    the full version with `-light` behind it.

    Raises:
        UsageError: what is asked for has no full version.
    """
    full = _full(how, chosen)
    record = chosen or how.tracker.record(full.run_id)
    alias = light_alias(full.alias)
    how.say(f"converts {record.spec.arch} for OpenVINO and tries it without TensorFlow")
    try:
        check = how.tracker.check(record)
        read_all(check, how.reader)
        tags = {name: full.tags[name] for name in _COPIED if name in full.tags}
        version = how.tracker.register_light(
            record,
            Registration(
                name=how.name,
                description=_description(full, record),
                tags={**tags, "light_version_of": full.version},
                check=check,
                reader=how.reader,
                alias=alias,
            ),
            write_openvino,
        )
    except (PromotionError, DataError) as error:
        return Registered(name=how.name, uri="", said=str(error), failed=True)
    said = (
        f"{version.name} version {version.version} is {alias}: {record.spec.arch} without "
        f"TensorFlow and Keras; its probabilities differ from the recorded ones by "
        f"{version.difference:.1g}; load it as {version.uri}"
    )
    return Registered(name=how.name, uri=version.uri, said=said)


def _full(how: Registering, chosen: Record | None) -> Version:
    """Return the full version that a light one is wanted of."""
    found = [how.tracker.registry.find(how.name, alias) for alias in (CHAMPION, CANDIDATE)]
    for version in found:
        if version is not None and chosen is None and version.alias == CHAMPION:
            return version
        if version is not None and chosen is not None and version.run_id == chosen.run_id:
            return version
    lacking = f"{how.name} has no champion"
    if chosen is not None:
        lacking = f"the run {chosen.run_id} is neither champion nor candidate of {how.name}"
    raise UsageError(
        f"a light version stands beside a full one, and {lacking}: register it first, without "
        "--flavour."
    )


def _description(full: Version, record: Record) -> str:
    return (
        f"**{record.spec.arch}**, light: the network of version {full.version} as OpenVINO keeps "
        "it, its weights in float32. It needs neither TensorFlow nor Keras, and gives the "
        f"probabilities of version {full.version}; what is known of them stands there.\n\n"
        f"Run {record.run_id}."
    )
