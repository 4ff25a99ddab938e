// The form, and what it says: as an object, and as the part of a link behind #.

import { byId } from './dom.js';

const form = byId('settings');
const numbers = ['guidance_scale', 'temperature', 'top_k', 'top_p', 'candidates', 'steps'];
const names = ['prompt', 'model', 'n', 'seed', ...numbers];
let known = null;

/** Fits the form to a model: limits, defaults, and which settings it has. */
export function fit(model) {
  known = model;
  const isDiffusion = model.token_rows === 0;
  for (const field of form.querySelectorAll('[data-for]')) {
    const isShown = { tokens: !isDiffusion, diffusion: isDiffusion, candidates: model.max_candidates > 1 }[field.dataset.for];
    field.hidden = !isShown;
    field.querySelector('input').disabled = !isShown;
  }
  for (const name of numbers)
    form.elements[name].placeholder = model.defaults[name] ?? '';
  form.elements.candidates.max = model.max_candidates;
  form.elements.n.max = model.max_n;
  showCount();
}

/** What the form says; what is empty or not the model's is left out. */
export function read() {
  const settings = { prompt: form.elements.prompt.value.trim(), n: Number(form.elements.n.value) };
  if (form.elements.model.value)
    settings.model = form.elements.model.value;
  if (form.elements.seed.value)
    settings.seed = form.elements.seed.value;
  for (const name of numbers) {
    const input = form.elements[name];
    if (!input.disabled && input.value !== '')
      settings[name] = Number(input.value);
  }
  return settings;
}

/** Fills the form in. What the settings do not say goes back to the model's own. */
export function fill(settings) {
  for (const name of names) {
    const input = form.elements[name];
    if (name === 'model') {
      if ([...input.options].some(option => option.value === settings.model))
        input.value = settings.model;
    } else if (name !== 'n' || settings.n) {
      input.value = settings[name] ?? '';
    }
  }
  byId('more').open ||= ['seed', ...numbers].some(name => settings[name] !== undefined);
  showCount();
}

/** Clears the folded settings. */
export function reset() {
  for (const name of ['seed', ...numbers])
    form.elements[name].value = '';
}

/** Tells the user what is wrong in the form, if anything is. */
export function check({ needsPrompt = true } = {}) {
  const { prompt } = form.elements;
  prompt.setCustomValidity(needsPrompt && prompt.value.trim() === '' ? 'Say what you would like to see.' : '');
  if ([...byId('more').querySelectorAll('input')].some(input => !input.checkValidity()))
    byId('more').open = true;
  return form.reportValidity();
}

export const toLink = settings =>
  `${location.origin}${location.pathname}#${new URLSearchParams(Object.entries(settings).filter(([name]) => names.includes(name)))}`;

/** The settings of the link that the page was opened with; null if it has none. */
export function fromLink() {
  const link = Object.fromEntries([...new URLSearchParams(location.hash.slice(1))].filter(([name]) => names.includes(name)));
  return Object.keys(link).length > 0 ? link : null;
}

/** What differs from the model's own, in words. */
export function describe(settings) {
  const labels = { guidance_scale: 'guidance', temperature: 'temperature', top_k: 'top-k', top_p: 'top-p', candidates: 'candidates', steps: 'steps' };
  return numbers.filter(name => settings[name] !== undefined).map(name => `${labels[name]} ${settings[name]}`);
}

function showCount() {
  byId('n-value').textContent = form.elements.n.value;
}

form.elements.n.addEventListener('input', showCount);
form.elements.prompt.addEventListener('input', () => form.elements.prompt.setCustomValidity(''));

export const currentModel = () => known;
