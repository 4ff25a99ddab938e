// The pictures on the page: a run each, the newest first, each with what made it.

import { byId, element, plural } from './dom.js';
import { describe } from './settings.js';

const feed = byId('feed');
let actions = null;

/** Says what the buttons do. */
export function connect(given) {
  actions = given;
}

/** Shows the runs of the history; one that is being drawn stays. */
export function show(runs) {
  const live = feed.querySelector('.live');
  feed.replaceChildren(...(live ? [live] : []), ...runs.filter(run => run.id !== live?.run.id).map(run => finished(run)));
  showEmpty();
}

/** Shows a run that begins. */
export function begin(run, count, source) {
  const tiles = Array.from({ length: count }, (_, index) => placeholder(index, count, source));
  const bar = element('progress', { max: count, value: 0, 'aria-label': 'Pictures drawn' });
  const article = frame(run, bar, ...tiles);
  article.classList.add('live');
  article.setAttribute('aria-busy', 'true');
  feed.prepend(article);
  showEmpty();
  article.scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  return {
    /** Shows a picture on the way: its upper part, or all of it where a model draws all at once. */
    draw(index, blob, part, isWhole) {
      const tile = tiles[index];
      tile.querySelector('img.drawn').src = urlOf(blob);
      tile.style.setProperty('--hidden', isWhole ? '0%' : `${100 - 100 * part}%`);
      tile.classList.add('begun');
      tile.setAttribute('aria-label', `Picture ${index + 1}, ${Math.round(100 * part)} % drawn`);
      bar.value = Math.max(bar.value, run.pictures.length + part);
    },
    finish(picture) {
      const tile = tileOf(run, picture, count);
      tiles[picture.index].replaceWith(tile);
      tiles[picture.index] = tile;
      bar.value = run.pictures.length;
    },
    end() {
      if (run.pictures.length > 0)
        article.replaceWith(finished(run));
      else
        article.remove();
      showEmpty();
    },
  };
}

function finished(run) {
  const article = frame(run, null, ...run.pictures.map(picture => tileOf(run, picture, run.pictures.length)));
  article.querySelector('.run-head').append(element('div', { className: 'run-tools' },
    element('button', { type: 'button', className: 'quiet', textContent: 'Reuse', 'aria-label': `Reuse the settings of ${nameOf(run)}`, onclick: () => actions.reuse(run) }),
    run.kind !== 'generate' ? null
      : element('button', { type: 'button', className: 'quiet', textContent: 'Copy link', 'aria-label': `Copy link to ${nameOf(run)}`, onclick: event => actions.link(run, null, event.target) }),
    element('button', { type: 'button', className: 'quiet', textContent: 'Delete', 'aria-label': `Delete ${nameOf(run)}`, onclick: () => actions.remove(run) })));
  return article;
}

function frame(run, bar, ...tiles) {
  const { settings } = run;
  const kind = { generate: null, edit: 'redrawn', vary: 'variations' }[run.kind];
  const meta = [kind, plural(tiles.length, 'picture'), settings.seed ? `seed ${settings.seed}` : null, ...describe(settings)].filter(Boolean).join(' · ');
  const article = element('article', { className: 'run', 'aria-label': nameOf(run) },
    element('div', { className: 'run-head' },
      element('div', {}, element('h3', { textContent: nameOf(run) }), element('p', { className: 'meta', textContent: meta }))),
    ...run.warnings.map(warning => element('p', { className: 'warning', textContent: warning })),
    ...(bar ? [bar] : []),
    element('div', { className: tiles.length > 2 ? 'tiles' : 'tiles few' }, ...tiles));
  article.run = run;
  return article;
}

function placeholder(index, count, source) {
  const tile = element('div', { className: 'tile drawing', role: 'img', 'aria-label': `Picture ${index + 1} of ${count}, waiting` });
  if (source)
    tile.append(picture('source', source));
  tile.append(picture('drawn', null));
  return tile;
}

function tileOf(run, drawn, count) {
  return element('button', {
    type: 'button', className: 'tile', 'aria-label': `Picture ${drawn.index + 1} of ${count}: ${nameOf(run)}`, onclick: () => actions.open(run, drawn),
  }, picture('', drawn.blob));
}

function picture(className, blob) {
  const image = element('img', { className, alt: '', draggable: false });
  image.onload = () => image.classList.toggle('pixels', image.naturalWidth < 128);
  if (blob)
    image.src = urlOf(blob);
  return image;
}

/** An address that ends with the page: pictures of a feed are few and small. */
const urls = new WeakMap();
function urlOf(blob) {
  if (!urls.has(blob))
    urls.set(blob, URL.createObjectURL(blob));
  return urls.get(blob);
}

const nameOf = run => run.settings.prompt || 'Variations';

function showEmpty() {
  const isEmpty = feed.childElementCount === 0;
  byId('empty').hidden = !isEmpty;
  byId('feed-title').classList.toggle('unseen', isEmpty);
  byId('delete-all').hidden = isEmpty;
}
