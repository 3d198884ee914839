// Requests to the server. What it refuses arrives as an Error whose message is
// the one line that the server said, for people to read.

export class RequestError extends Error {
  constructor(message, status) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
  }
}

async function refusal(response) {
  const {status} = response;
  if (response.headers.get('Content-Type')?.startsWith('application/json')) {
    const {error} = await response.json();
    if (error) return new RequestError(error, status);
  }
  return new RequestError(
    `The server answered with status ${status}. Reload the page, or look at ` +
    'what the server has printed.', status);
}

/** Returns the Response to a request, or throws a RequestError. */
export async function request(method, path, {body, headers, signal} = {}) {
  let response;
  try {
    response = await fetch(path, {
      method, body, signal, headers: {'X-Jinpaint': '1', ...headers}});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new RequestError(
      'The server does not answer. Is jinpaint app still running?', 0);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

export const getJSON = async (path, options) =>
  (await request('GET', path, options)).json();
export const getBlob = async (path, options) =>
  (await request('GET', path, options)).blob();

/** Posts a body as it is, or an object as JSON, and returns the JSON answer. */
export async function postJSON(path, body, headers = {}) {
  const isPlain = body?.constructor === Object;
  const response = await request('POST', path, {
    body: isPlain ? JSON.stringify(body) : body,
    headers: isPlain ? {'Content-Type': 'application/json', ...headers} : headers});
  return response.json();
}

export const remove = path => request('DELETE', path);

let state = null;

/** Returns what /api/state says; asked once, and again after `refresh`. */
export function getState({refresh = false} = {}) {
  if (!state || refresh) {
    state = getJSON('/api/state');
    state.catch(() => { state = null; });
  }
  return state;
}

export const pause = milliseconds =>
  new Promise(resolve => { setTimeout(resolve, milliseconds); });
