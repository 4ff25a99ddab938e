// One picture in large: what made it, what can be done with it, and the grid on which a part is marked to be redrawn.

import { byId, element, plural } from './dom.js';
import { describe } from './settings.js';

const DIFFUSION_GRID = 16;
const dialog = byId('viewer');
const image = byId('viewer-image');
const grid = byId('grid');
let shown = null;
let actions = null;
let model = null;
let size = { rows: 0, columns: 0 };
let marked = [];
let drag = null;
let anchor = 0;

/** Says what the buttons do. */
export function connect(given) {
  actions = given;
}

/** What the model can do; a model that lists its capabilities is believed. */
export const can = (model, capability) => model.capabilities?.includes(capability) ?? model[{ edit: 'can_edit', variations: 'can_vary' }[capability]];

export function fit(given) {
  model = given;
  byId('own').hidden = byId('viewer-edit').hidden = !can(model, 'edit');
  byId('viewer-vary').hidden = !can(model, 'variations');
}

/** While something is drawn, nothing else begins. */
export function setBusy(isBusy) {
  byId('viewer-vary').disabled = isBusy;
  byId('redraw').disabled = isBusy || !marked.includes(true);
  byId('redraw').dataset.busy = isBusy ? 'yes' : '';
}

export function open(run, picture) {
  const { settings } = run;
  show(picture.blob, settings.prompt || 'Variation', { run, picture });
  const facts = [
    ['Seed', picture.seed],
    ['Fit', picture.score?.toFixed(3) ?? null],
    ['Model', settings.model ?? null],
    ['Settings', describe(settings).join(', ') || 'the model’s own'],
    ['Drawn', new Date(run.time).toLocaleString()],
  ];
  byId('facts').replaceChildren(...facts.filter(([, value]) => value !== null)
    .flatMap(([name, value]) => [element('dt', { textContent: name }), element('dd', { textContent: value })]));
  byId('viewer-download').download = `${fileName(settings.prompt)}-${picture.seed}.png`;
  byId('viewer-link').hidden = run.kind !== 'generate';
  byId('viewer-edit').focus();
}

/** Marks what to redraw of a picture that is not of the model. */
export function openUpload(blob, prompt) {
  show(blob, 'Your picture', { run: null, picture: { blob } });
  beginEdit(prompt);
}

function show(blob, title, what) {
  shown = what;
  image.src = URL.createObjectURL(blob);
  image.alt = title;
  byId('viewer-title').textContent = title;
  byId('viewer-download').href = image.src;
  byId('viewer-facts').hidden = false;
  byId('edit').hidden = grid.hidden = true;
  dialog.showModal();
}

image.addEventListener('load', () => image.classList.toggle('pixels', image.naturalWidth < 128));

dialog.addEventListener('close', () => {
  URL.revokeObjectURL(image.src);
  image.removeAttribute('src');
});
dialog.addEventListener('click', event => {
  if (event.target === dialog)
    dialog.close();
});
byId('viewer-close').addEventListener('click', () => dialog.close());
byId('viewer-edit').addEventListener('click', () => beginEdit(shown.run.settings.prompt));
for (const [id, name] of [['viewer-vary', 'vary'], ['viewer-reuse', 'reuse'], ['viewer-delete', 'remove']]) {
  byId(id).addEventListener('click', () => {
    dialog.close();
    actions[name](shown.run, shown.picture);
  });
}
byId('viewer-link').addEventListener('click', event => actions.link(shown.run, shown.picture, event.target));

function beginEdit(prompt) {
  const [width, height] = model.sizes[0].split('x').map(Number);
  const rows = model.token_rows || DIFFUSION_GRID;
  size = { rows, columns: Math.max(1, Math.round(rows * width / height)) };
  marked = Array(size.rows * size.columns).fill(false);
  grid.style.setProperty('--columns', size.columns);
  grid.replaceChildren(...Array.from({ length: size.rows }, (_, row) => element('div', { role: 'row' },
    ...Array.from({ length: size.columns }, (_, column) => element('div', {
      role: 'gridcell', tabIndex: -1, 'aria-selected': 'false', 'aria-label': `Row ${row + 1}, column ${column + 1}`,
    })))));
  byId('edit-prompt').value = prompt;
  byId('viewer-facts').hidden = true;
  byId('edit').hidden = grid.hidden = false;
  anchor = 0;
  reach(0);
  showMarked();
}

const cells = () => [...grid.querySelectorAll('[role="gridcell"]')];
const rowOf = cell => Math.floor(cell / size.columns);
const columnOf = cell => cell % size.columns;

function reach(cell) {
  grid.querySelector('[tabindex="0"]')?.setAttribute('tabindex', -1);
  const reached = cells()[cell];
  reached.tabIndex = 0;
  reached.focus({ preventScroll: true });
}

/** Whether a cell lies in the rectangle between two. */
function isBetween(cell, from, to) {
  const isWithin = (value, a, b) => value >= Math.min(a, b) && value <= Math.max(a, b);
  return isWithin(rowOf(cell), rowOf(from), rowOf(to)) && isWithin(columnOf(cell), columnOf(from), columnOf(to));
}

function showMarked({ isFinal = true } = {}) {
  cells().forEach((cell, index) => cell.setAttribute('aria-selected', marked[index]));
  byId('redraw').disabled = byId('redraw').dataset.busy === 'yes' || !marked.includes(true);
  if (isFinal)
    byId('marked').textContent = marked.includes(true) ? `${marked.filter(Boolean).length} of ${plural(marked.length, 'part')} marked.` : 'Nothing is marked yet.';
}

function cellAt(event) {
  const box = grid.getBoundingClientRect();
  const place = (position, start, length, count) => Math.min(count - 1, Math.max(0, Math.floor((position - start) / length * count)));
  return place(event.clientY, box.top, box.height, size.rows) * size.columns + place(event.clientX, box.left, box.width, size.columns);
}

grid.addEventListener('pointerdown', event => {
  if (event.button !== 0)
    return;
  event.preventDefault();
  grid.setPointerCapture(event.pointerId);
  const from = cellAt(event);
  drag = { from, before: [...marked], value: !marked[from] };
  reach(from);
  dragTo(from);
});
grid.addEventListener('pointermove', event => {
  if (drag)
    dragTo(cellAt(event));
});
for (const type of ['pointerup', 'pointercancel']) {
  grid.addEventListener(type, () => {
    if (drag && type === 'pointercancel')
      marked = drag.before;
    drag = null;
    showMarked();
  });
}

function dragTo(cell) {
  marked = drag.before.map((before, index) => isBetween(index, drag.from, cell) ? drag.value : before);
  anchor = cell;
  showMarked({ isFinal: false });
}

grid.addEventListener('keydown', event => {
  const at = cells().indexOf(event.target);
  const [row, column] = [rowOf(at), columnOf(at)];
  const to = {
    ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
    Home: [row, 0], End: [row, size.columns - 1],
  }[event.key];
  if (event.key === ' ' || event.key === 'Enter') {
    marked[at] = !marked[at];
    anchor = at;
  } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
    marked.fill(true);
  } else if (to) {
    const next = Math.min(size.rows - 1, Math.max(0, to[0])) * size.columns + Math.min(size.columns - 1, Math.max(0, to[1]));
    if (event.shiftKey)
      marked = marked.map((before, index) => before || isBetween(index, anchor, next));
    else
      anchor = next;
    reach(next);
  } else {
    return;
  }
  event.preventDefault();
  showMarked();
});

byId('mark-all').addEventListener('click', () => { marked.fill(true); showMarked(); });
byId('mark-none').addEventListener('click', () => { marked.fill(false); showMarked(); });
byId('edit-prompt').addEventListener('input', () => byId('edit-prompt').setCustomValidity(''));
byId('edit').addEventListener('submit', async event => {
  event.preventDefault();
  const prompt = byId('edit-prompt');
  prompt.setCustomValidity(prompt.value.trim() === '' ? 'Say what the picture should show.' : '');
  if (!byId('edit').reportValidity())
    return;
  const { picture, run } = shown;
  const mask = await maskOf();
  dialog.close();
  actions.edit(picture.blob, mask, prompt.value.trim(), run);
});

/** A picture of the image's size that is transparent where to redraw. */
function maskOf() {
  const canvas = element('canvas', { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext('2d');
  context.fillRect(0, 0, canvas.width, canvas.height);
  const edge = (part, count, length) => Math.round(part * length / count);
  marked.forEach((isMarked, cell) => {
    if (!isMarked)
      return;
    const [left, top] = [edge(columnOf(cell), size.columns, canvas.width), edge(rowOf(cell), size.rows, canvas.height)];
    context.clearRect(left, top, edge(columnOf(cell) + 1, size.columns, canvas.width) - left, edge(rowOf(cell) + 1, size.rows, canvas.height) - top);
  });
  return new Promise(resolve => canvas.toBlob(resolve, 'image/png'));
}

function fileName(prompt) {
  return (prompt ?? '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 60) || 'picture';
}
