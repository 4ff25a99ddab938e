// The words that the model knows, to put into the prompt.

import { byId, element } from './dom.js';

const EXAMPLES = ['a red apple', 'a robot wearing a top hat', 'three pandas', 'a blue heart'];
const list = byId('words-list');
const prompt = byId('prompt');

export function show(words) {
  byId('words').hidden = words.length === 0;
  byId('words-count').textContent = words.length;
  list.replaceChildren(...words.map(word => element('button', { type: 'button', className: 'chip', textContent: word, tabIndex: -1 })));
  filter();

  const known = new Set(words.flatMap(word => [word, ...word.split(' ')]));
  const examples = EXAMPLES.filter(example => example.split(' ').every(word => known.has(word)));
  byId('examples').hidden = examples.length === 0;
  byId('examples').replaceChildren(...examples.map(example => element('li', {}, element('button', {
    type: 'button', className: 'chip', textContent: example, onclick: () => { prompt.value = example; prompt.focus(); },
  }))));
}

const shown = () => [...list.children].filter(chip => !chip.hidden);

function filter() {
  const part = byId('words-filter').value.trim().toLowerCase();
  for (const chip of list.children)
    chip.hidden = !chip.textContent.includes(part);
  byId('words-none').hidden = shown().length > 0;
  reach(shown()[0]);
}

/** One of the words is on the way of the Tab key; the arrows lead to the others. */
function reach(chip) {
  list.querySelector('[tabindex="0"]')?.setAttribute('tabindex', -1);
  chip?.setAttribute('tabindex', 0);
}

list.addEventListener('keydown', event => {
  const chips = shown();
  const at = chips.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: chips.length - 1 }[event.key];
  if (to === undefined || !chips[to])
    return;
  event.preventDefault();
  reach(chips[to]);
  chips[to].focus();
});

list.addEventListener('click', event => {
  if (!event.target.matches('.chip'))
    return;
  reach(event.target);
  prompt.value = `${prompt.value.trimEnd()} ${event.target.textContent}`.trimStart();
  prompt.dispatchEvent(new Event('input'));
  byId('status').textContent = `The prompt is: ${prompt.value}`;
});

byId('words-filter').addEventListener('input', filter);
byId('words-filter').addEventListener('keydown', event => {
  if (event.key === 'Enter')
    event.preventDefault();
});
