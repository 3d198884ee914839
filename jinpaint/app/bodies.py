"""What requests bring as JSON."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request


async def json_of(request: Request) -> dict[str, Any]:
  """Returns the JSON object that a request brings.

  Raises:
    HTTPException: 400, it brings something else.
  """
  try:
    form = await request.json()
  except ValueError as error:
    raise HTTPException(400, 'this is no JSON') from error
  if not isinstance(form, dict):
    raise HTTPException(400, 'this is no form')
  return form


def texts_of(values: Any) -> dict[str, str]:
  """Returns the fields of a form as texts.

  Args:
    values: of a JSON object.

  Raises:
    HTTPException: 400, they are no object.
  """
  if not isinstance(values, dict):
    raise HTTPException(400, 'the fields have no names')
  return {str(name): str(value) for name, value in values.items()}
