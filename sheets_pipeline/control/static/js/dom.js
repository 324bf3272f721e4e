/**
 * Builds elements without ever reading text as HTML: every text becomes a text node, so what an
 * error quotes cannot become markup.
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

/** One element of the page's own markup. */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets a text only where it differs, so that readers and selections are not disturbed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Switches a button off without taking the keyboard's focus away from it, as `disabled` would. */
export function setUsable(button, isUsable) {
  button.setAttribute("aria-disabled", String(!isUsable));
}

/** Calls a handler on clicks, unless the button is switched off. */
export function onPress(button, handler) {
  button.addEventListener("click", () => { if (button.getAttribute("aria-disabled") !== "true") handler(); });
  return button;
}
