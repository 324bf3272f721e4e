/** Small charts as SVG, made of elements: no text is ever read as markup. */

const NS = "http://www.w3.org/2000/svg";

function svg(name, attributes, ...children) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function titled(node, text) {
  node.append(svg("title", {}));
  node.lastChild.textContent = text;
  return node;
}

/** Bars for the latest values, newest on the right; `points` are {value, kind, outcome, text}. */
export function bars(points, label, slots = 30) {
  const shown = points.slice(-slots);
  const top = Math.max(...shown.map((point) => point.value ?? 0), 1e-9);
  const nodes = shown.map((point, i) => {
    const height = point.outcome === "success" ? Math.max(2, (38 * (point.value ?? 0)) / top) : 38;
    const x = (slots - shown.length + i) * 10;
    return titled(svg("rect", { class: `bar ${point.outcome} ${point.kind}`, x: x + 1, width: 7.5, y: 38 - height, height, rx: 1.5 }), point.text);
  });
  const view = `0 0 ${slots * 10} 38`;
  return svg("svg", { viewBox: view, preserveAspectRatio: "none", role: "img", "aria-label": label }, svg("line", { class: "base", x1: 0, x2: slots * 10, y1: 38, y2: 38 }), ...nodes);
}

/** A line over time; `points` are [milliseconds, value]. */
export function line(points, label, from, to) {
  const top = Math.max(...points.map(([, value]) => value), 4);
  const at = ([time, value]) => `${((600 * (time - from)) / Math.max(1, to - from)).toFixed(1)},${(42 - (40 * value) / top).toFixed(1)}`;
  const path = points.map(at).join(" L");
  const nodes = [svg("line", { class: "base", x1: 0, x2: 600, y1: 43, y2: 43 })];
  if (points.length > 1) {
    const [first, last] = [at(points[0]).split(",")[0], at(points.at(-1)).split(",")[0]];
    nodes.push(svg("path", { class: "area", d: `M${first},43 L${path} L${last},43 Z` }), svg("path", { class: "line", d: `M${path}` }));
  }
  return svg("svg", { viewBox: "0 0 600 44", preserveAspectRatio: "none", role: "img", "aria-label": label }, ...nodes);
}

const ARC = "M10 62 A52 52 0 0 1 114 62";

/** A half circle that fills up; drawn once, then moved by `turnGauge`. */
export function gauge(label) {
  const length = { pathLength: 100 };
  return svg("svg", { viewBox: "0 0 124 68", role: "img", "aria-label": label },
    svg("path", { class: "gauge-ground", d: ARC }),
    svg("path", { class: "gauge-value", d: ARC, ...length, "stroke-dasharray": "0 100", "stroke-opacity": 0 }));
}

export function turnGauge(node, share) {
  const value = node.querySelector(".gauge-value");
  value.setAttribute("stroke-dasharray", `${Math.min(100, 100 * share).toFixed(1)} 100`);
  value.setAttribute("stroke-opacity", share > 0 ? 1 : 0);
}
