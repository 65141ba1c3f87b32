"""What a served model answers to a call that it cannot take: one line, and no stack trace.

Imported where a call is refused, since MLflow is there wherever a model is served.
"""

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE


class CallRefused(MlflowException):  # type: ignore[misc]
    """A call that a person must mend: status 400, and what is wrong in one line.

    MLflow's server puts the call's data before the message of a plain MlflowException (3.17); so
    the message stays what it was.
    """

    def __init__(self, said: str) -> None:
        self._said = " ".join(said.split())
        super().__init__(self._said, error_code=INVALID_PARAMETER_VALUE)

    @property
    def message(self) -> str:
        """What is wrong with the call."""
        return self._said

    @message.setter
    def message(self, _: str) -> None:
        pass
