// The API of the server that this page came from.

const KEY = 'dalle-ml-key';

/** An error that its message explains to the user. */
export class ApiError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** The key of the server, for as long as the tab is open. */
export const key = {
  get value() { return sessionStorage.getItem(KEY) ?? ''; },
  set value(value) {
    if (value)
      sessionStorage.setItem(KEY, value);
    else
      sessionStorage.removeItem(KEY);
  },
};

export const models = async () => (await (await send('v1/models')).json()).data;

export async function model(name) {
  return (await send(`v1/models/${encodeURIComponent(name)}`)).json();
}

/** Events of images for a prompt. */
export const generate = (fields, signal) => stream('v1/images/generations', {
  body: JSON.stringify(fields),
  headers: { 'Content-Type': 'application/json' },
}, signal);

/** Events of images for an image, and a mask whose alpha is 0 where to redraw. */
export const edit = (fields, image, mask, signal) => stream('v1/images/edits', { body: formOf(fields, { image, mask }) }, signal);

/** Events of variations of an image. */
export const vary = (fields, image, signal) => stream('v1/images/variations', { body: formOf(fields, { image }) }, signal);

function formOf(fields, files) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields))
    form.append(name, value);
  for (const [name, file] of Object.entries(files))
    form.append(name, file, `${name}.png`);
  return form;
}

async function send(path, options = {}, signal = undefined) {
  const headers = new Headers(options.headers);
  try {
    if (key.value)
      headers.set('Authorization', `Bearer ${key.value}`);
  } catch {
    throw new ApiError('A key has letters of plain English only.', 401);
  }
  let response;
  try {
    response = await fetch(path, { ...options, headers, signal, cache: 'no-store' });
  } catch (error) {
    throw signal?.aborted ? error : new ApiError('The server cannot be reached. Is it still running?');
  }
  if (!response.ok)
    throw await errorOf(response);
  return response;
}

async function errorOf(response) {
  const error = (await response.json().catch(() => null))?.error ?? {};
  const wait = Number(response.headers.get('Retry-After'));
  const later = wait > 0 ? `Try again in ${wait === 1 ? 'a second' : `${wait} seconds`}.` : 'Try again in a while.';
  const message = response.status === 401 ? (key.value ? 'The server does not take this key.' : 'This server asks for a key.')
    : error.code === 'queue_full' ? `The server is busy: its queue is full. ${later}`
    : response.status === 503 ? 'The server is stopping. Try again when it is back.'
    : error.message ?? (response.status === 429 ? `The server is busy. ${later}` : `The server answered with an error (${response.status}).`);
  return new ApiError(message, response.status);
}

/** Server-sent events; EventSource cannot post. */
async function* stream(path, options, signal) {
  const response = await send(path, { method: 'POST', ...options }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done)
        return;
      text += value;
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2))
        yield eventOf(text.slice(0, end));
    }
  } catch (error) {
    throw error instanceof ApiError || signal.aborted ? error : new ApiError('The connection to the server was lost.');
  } finally {
    reader.cancel().catch(() => {});
  }
}

function eventOf(text) {
  const data = text.slice(text.indexOf('\ndata: ') + 7);
  // A seed has 64 bits, a number of JavaScript 53: it stays a text. Within texts of JSON the quotes would be escaped.
  const event = JSON.parse(data.replace(/"seed":(\d+)/, '"seed":"$1"'));
  if (event.error)
    throw new ApiError(event.error.message);
  return event;
}
