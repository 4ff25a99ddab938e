export const byId = id => document.getElementById(id);

/** An element with properties (or attributes, where the name has a dash) and children. Texts are texts, never markup. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role')
      made.setAttribute(name, value);
    else
      made[name] = value;
  }
  made.append(...children.filter(child => child !== null));
  return made;
}

export const plural = (count, one, many = one + 's') => `${count} ${count === 1 ? one : many}`;
