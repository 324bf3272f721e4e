/**
 * Builds elements without ever reading text as HTML: every text becomes a text node, so what stands in a cell
 * cannot become markup.
 */

/** An element; `props` may hold class, text, dataset, style, on (event handlers); all else is an attribute. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "style") Object.assign(node.style, value);
    else if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

/** A sign of the icon font (Material Symbols), invisible to screen readers. */
export function icon(name) {
  return el("span", { class: "icon", "aria-hidden": "true", text: name });
}

/** A button with an icon; its title says what it does and which key does the same. */
export function iconButton(name, title, onClick, props = {}) {
  return el("button", { type: "button", class: "icon-button", title, "aria-label": title, on: { click: onClick }, ...props }, icon(name));
}

const waiting = new WeakMap();

/**
 * Changes what stands in an element, once nothing in it is pressed: the press of a button that is replaced meanwhile would
 * do nothing. Of several changes that wait, the last one is made.
 */
export function whenReleased(node, change) {
  const isWaited = waiting.has(node);
  if (!node.matches(":active")) {
    waiting.delete(node);
    change();
    return;
  }
  waiting.set(node, change);
  if (isWaited) return;
  const look = () => {
    const last = waiting.get(node);
    if (!last) return;
    if (node.matches(":active")) requestAnimationFrame(look);
    else whenReleased(node, last);
  };
  requestAnimationFrame(look);
}

/** One element of the page's own markup. */
export function byId(id) {
  return document.getElementById(id);
}

/** Short counts for people: 950, 12.4k, 3.1M. */
export function shortNumber(value) {
  if (value < 1000) return String(value);
  if (value < 1e6) return `${(value / 1e3).toFixed(value < 1e4 ? 1 : 0)}k`;
  return `${(value / 1e6).toFixed(1)}M`;
}
