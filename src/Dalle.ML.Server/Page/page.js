// Brings the parts of the page together.

import * as api from './api.js';
import { byId, element, plural } from './dom.js';
import * as feed from './feed.js';
import * as history from './history.js';
import * as settings from './settings.js';
import * as viewer from './viewer.js';
import * as words from './words.js';

const MAX_PARTIALS = 7;
let running = null;
let model = null;

start();

async function start() {
  byId('go').disabled = true;
  try {
    const models = await api.models();
    const chosen = byId('model').value;
    byId('model').replaceChildren(...models.map(each => element('option', { value: each.id, textContent: each.id })));
    byId('model').value = models.some(each => each.id === chosen) ? chosen : models[0].id;
    byId('forget-key').hidden = !api.key.value;
    await choose();
    openLink();
    await showHistory();
  } catch (error) {
    fail(error, start);
  }
}

/** Fits the page to the chosen model. */
async function choose() {
  model = await api.model(byId('model').value);
  settings.fit(model);
  viewer.fit(model);
  words.show(model.words ?? []);
  byId('description').textContent = model.description ?? '';
  byId('go').disabled = !model.can_generate || running !== null;
  if (!model.can_generate)
    notify('This model draws nothing: it only compares pictures and texts.', 'warning');
}

function openLink() {
  const link = settings.fromLink();
  if (!link)
    return;
  settings.fill(link);
  if (link.model && link.model !== model.id)
    notify(`The link is of the model ${link.model}, which is not served here. ${model.id} will draw something else.`, 'warning');
  byId('status').textContent = 'The link has filled in the form. Generate draws it.';
}

async function showHistory() {
  try {
    feed.show(await history.all());
  } catch {
    feed.show([]);
    notify('This browser keeps no pictures of this page: they are gone when you leave it.', 'warning');
  }
}

/** Draws pictures: the events of the server one by one, until they end or the user stops. */
async function draw(kind, wanted, begin, source = null) {
  clearNotices();
  running = new AbortController();
  setRunning(true);
  const { signal } = running;
  const { candidates, prompt, ...rest } = { ...wanted, seed: wanted.seed ?? String(crypto.getRandomValues(new Uint32Array(1))[0]) };
  const asked = kind === 'vary' ? rest : { prompt, ...rest, ...(candidates === undefined ? {} : { candidates }) };
  const run = { time: Date.now(), kind, settings: asked, pictures: [], warnings: [] };
  const partials = Math.min(model.max_partial_images, MAX_PARTIALS);
  const view = feed.begin(run, asked.n, source);
  say(`Drawing ${plural(asked.n, 'picture')} …`);
  try {
    for await (const event of begin({ ...asked, stream: true, partial_images: partials }, signal)) {
      const blob = new Blob([Uint8Array.from(atob(event.b64_json), letter => letter.charCodeAt(0))], { type: 'image/png' });
      if (event.type.endsWith('.partial_image')) {
        const rows = model.token_rows;
        const part = rows ? Math.floor((event.partial_image_index + 1) * rows / (partials + 1)) / rows : (event.partial_image_index + 1) / (partials + 1);
        view.draw(event.index, blob, part, rows === 0);
      } else {
        const picture = { index: event.index, blob, seed: event.seed, score: event.score ?? null };
        run.pictures.push(picture);
        run.warnings = event.warnings ?? [];
        view.finish(picture);
        say(`${run.pictures.length} of ${plural(asked.n, 'picture')} drawn.`);
        await keep(run);
      }
    }
    if (run.pictures.length < asked.n)
      throw new api.ApiError('The server ended its answer early.');
    say(`Done: ${plural(asked.n, 'picture')}.`);
  } catch (error) {
    if (signal.aborted) {
      say(run.pictures.length > 0 ? `Stopped after ${plural(run.pictures.length, 'picture')}.` : 'Stopped.');
    } else {
      say('');
      fail(error, () => draw(kind, wanted, begin, source));
    }
  } finally {
    view.end();
    running = null;
    setRunning(false);
  }
}

async function keep(run) {
  try {
    await history.save(run);
  } catch {
    notify('This browser has no room for the picture: it is gone when you leave the page. Download it, or delete others.', 'warning');
  }
}

function setRunning(isRunning) {
  const [go, stop] = [byId('go'), byId('stop')];
  const hadFocus = [go, stop].includes(document.activeElement);
  go.disabled = go.hidden = isRunning;
  stop.hidden = !isRunning;
  byId('model').disabled = isRunning;
  viewer.setBusy(isRunning);
  if (hadFocus)
    (isRunning ? stop : go).focus();
}

const say = text => { byId('status').textContent = text; };

function notify(text, kind, ...buttons) {
  if ([...byId('notices').children].some(notice => notice.firstChild.textContent === text))
    return;
  byId('notices').append(element('div', { className: `notice ${kind}`, role: 'alert' }, element('p', { textContent: text }), ...buttons,
    element('button', { type: 'button', className: 'icon', 'aria-label': 'Dismiss', onclick: event => event.currentTarget.parentElement.remove() },
      element('span', { 'aria-hidden': 'true', textContent: '✕' }))));
}

const clearNotices = () => byId('notices').replaceChildren();

/** Tells an error in words; a key that is missing or wrong is asked for. */
function fail(error, again) {
  if (!(error instanceof api.ApiError))
    console.error(error);
  const message = error instanceof api.ApiError ? error.message : 'Something went wrong on this page. Reload it, please.';
  const retry = () => {
    clearNotices();
    again();
  };
  notify(message, 'error', element('button', { type: 'button', textContent: error.status === 401 ? 'Enter a key' : 'Try again', onclick: () => error.status === 401 ? askKey(message, retry) : retry() }));
  if (error.status === 401)
    askKey(message, retry);
}

function askKey(message, then) {
  byId('key-error').textContent = api.key.value ? message : '';
  byId('key-value').value = byId('key').returnValue = '';
  byId('key').onclose = () => {
    if (byId('key').returnValue !== 'continue')
      return;
    api.key.value = byId('key-value').value.trim();
    then();
  };
  byId('key').showModal();
}

async function copyLink(wanted, button) {
  const link = settings.toLink(wanted);
  try {
    await navigator.clipboard.writeText(link);
    say('The link is copied.');
    const text = button.textContent;
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = text; }, 2000);
  } catch {
    // A page over http of another machine may not write to the clipboard.
    prompt('Copy this link:', link);
  }
}

/** A picture of the user's in the model's size: the middle of it, upright. */
async function upload(file) {
  const [width, height] = model.sizes[0].split('x').map(Number);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    notify(`${file.name} is not a picture that this browser can read. PNG, JPEG and WebP work.`, 'error');
    return;
  }
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const canvas = element('canvas', { width, height });
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  // What is transparent in the picture would be redrawn.
  context.fillStyle = 'white';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, (width - bitmap.width * scale) / 2, (height - bitmap.height * scale) / 2, bitmap.width * scale, bitmap.height * scale);
  bitmap.close();
  viewer.openUpload(await new Promise(resolve => canvas.toBlob(resolve, 'image/png')), byId('prompt').value.trim());
}

async function remove(run, picture) {
  const left = picture ? run.pictures.filter(each => each !== picture) : [];
  run.pictures = left;
  await (left.length > 0 ? history.save(run) : history.remove(run));
  await showHistory();
  say('Deleted.');
  byId('prompt').focus();
}

function reuse(run, picture = null) {
  settings.fill(picture ? { ...run.settings, seed: picture.seed, n: 1 } : run.settings);
  say('The settings are in the form.');
  byId('prompt').focus();
}

const link = (run, picture, button) => copyLink(picture ? { ...run.settings, seed: picture.seed, n: 1 } : run.settings, button);

feed.connect({ open: viewer.open, reuse, remove, link });
viewer.connect({
  reuse, remove, link,
  vary: (run, picture) => draw('vary', settings.read(), (fields, signal) => api.vary(fields, picture.blob, signal), picture.blob),
  edit: (image, mask, prompt) => draw('edit', { ...settings.read(), prompt }, (fields, signal) => api.edit(fields, image, mask, signal), image),
});

byId('settings').addEventListener('submit', event => {
  event.preventDefault();
  if (!running && model?.can_generate && settings.check())
    draw('generate', settings.read(), api.generate);
});
byId('prompt').addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing)
    return;
  event.preventDefault();
  if (!byId('go').disabled)
    byId('settings').requestSubmit();
});
byId('stop').addEventListener('click', () => running?.abort());
byId('reset').addEventListener('click', settings.reset);
byId('model').addEventListener('change', () => choose().catch(error => fail(error, start)));
byId('forget-key').addEventListener('click', () => {
  api.key.value = '';
  start();
});
byId('upload').addEventListener('change', async event => {
  const [file] = event.target.files;
  event.target.value = '';
  if (file)
    await upload(file);
});
byId('delete-all').addEventListener('click', () => {
  byId('confirm').returnValue = '';
  byId('confirm').showModal();
});
byId('confirm').addEventListener('close', async () => {
  if (byId('confirm').returnValue !== 'yes')
    return;
  await history.clear();
  await showHistory();
  say('All pictures of this browser are deleted.');
});
addEventListener('hashchange', openLink);
history.onChange(showHistory);
