"""What routes share: work that would keep the server from answering others."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.requests import Request

_Arguments = ParamSpec('_Arguments')
_Result = TypeVar('_Result')


async def in_thread(request: Request,
                    function: Callable[_Arguments, _Result],
                    *args: _Arguments.args, **kwargs: _Arguments.kwargs
                    ) -> _Result:
  """Calls a function in one of the few threads that decode and encode.

  They are few, because a picture may take a gigabyte while it is decoded.
  """
  return await asyncio.get_running_loop().run_in_executor(
      request.app.state.threads, lambda: function(*args, **kwargs))
