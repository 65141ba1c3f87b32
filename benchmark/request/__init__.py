"""What a person asks for: a table of options, read once into typed values."""

from .asked import Request
from .config import Config, read_config, request_of, write_config
from .fields import RUN_OPTIONS, pick
from .option import Option, Read, read_values
from .readers import OWN_OPTION, ModelName, choice, group, named, path, share, unless, yes_or_no

__all__ = [
    "OWN_OPTION",
    "RUN_OPTIONS",
    "Config",
    "ModelName",
    "Option",
    "Read",
    "Request",
    "choice",
    "group",
    "named",
    "path",
    "pick",
    "read_config",
    "read_values",
    "request_of",
    "share",
    "unless",
    "write_config",
    "yes_or_no",
]
