/** How a cell's format looks: the format's own colours where set, readable ones where not. */

/** Relative luminance of "#rrggbb", 0 (black) to 1 (white). Source: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance */
export function luminance(colour) {
  const channel = (start) => {
    const value = parseInt(colour.slice(start, start + 2), 16) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(one, other) {
  const [high, low] = [Math.max(one, other), Math.min(one, other)];
  return (high + 0.05) / (low + 0.05);
}

const darkScheme = matchMedia("(prefers-color-scheme: dark)");

/** "#rrggbb" → hue (0 to 1), saturation, lightness. */
function toHsl(colour) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16) / 255);
  const [high, low] = [Math.max(red, green, blue), Math.min(red, green, blue)];
  const lightness = (high + low) / 2;
  if (high === low) return [0, 0, lightness];
  const range = high - low;
  const saturation = range / (1 - Math.abs(2 * lightness - 1));
  const sixth = high === red ? ((green - blue) / range + 6) % 6 : high === green ? (blue - red) / range + 2 : (red - green) / range + 4;
  return [sixth / 6, saturation, lightness];
}

function fromHsl([hue, saturation, lightness]) {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const part = (shift) => {
    const position = (shift + hue * 12) % 12;
    return lightness - chroma * Math.max(-1, Math.min(position - 3, 9 - position, 1));
  };
  return `#${[part(0), part(8), part(4)].map((value) => Math.round(value * 255).toString(16).padStart(2, "0")).join("")}`;
}

/** The ground of a cell; in the dark scheme pale grounds become dark ones of the same hue, as paper would dazzle. */
function groundColour(format) {
  if (!format.background || !darkScheme.matches) return format.background ?? "";
  const [hue, saturation, lightness] = toHsl(format.background);
  return lightness <= 0.5 ? format.background : fromHsl([hue, Math.min(saturation, 0.45), 0.13 + (1 - lightness) * 0.55]);
}

/** Text colour: what the format says, made lighter or darker until it can be read on its ground. */
function textColour(format, shownGround) {
  if (!format.colour && !format.background) return "";
  const ground = shownGround ? luminance(shownGround) : darkScheme.matches ? 0.008 : 1;
  const plain = ground > 0.35 ? "#1b1f24" : "#f3f5f7";
  if (!format.colour) return plain;
  let [hue, saturation, lightness] = toHsl(format.colour);
  for (let tries = 0; tries < 12; tries++) {
    const colour = fromHsl([hue, saturation, lightness]);
    if (contrast(luminance(colour), ground) >= (darkScheme.matches ? 4 : 1.6)) return colour;
    lightness = ground > 0.35 ? lightness * 0.85 : lightness + (1 - lightness) * 0.2;
  }
  return plain;
}

const ALIGNMENTS = { LEFT: "start", CENTER: "center", RIGHT: "end" };

/** Where the text stands: the format's wish, else numbers right, truth values in the middle, text left. */
export function alignmentOf(cell) {
  const natural = { number: "end", boolean: "center", error: "center" }[cell.type] ?? "start";
  return ALIGNMENTS[cell.format.align] ?? natural;
}

/** Puts a cell's format onto its element. */
export function applyStyle(node, cell) {
  const { format } = cell;
  const style = node.style;
  const ground = groundColour(format);
  style.background = ground;
  style.color = textColour(format, ground);
  style.fontWeight = format.bold ? "700" : "";
  style.fontStyle = format.italic ? "italic" : "";
  const lines = [format.underline || cell.link ? "underline" : "", format.strikethrough ? "line-through" : ""].filter(Boolean);
  style.textDecoration = lines.join(" ");
  style.fontSize = format.size ? `${Math.min(format.size, 60) * 1.3}px` : "";
  style.fontFamily = /mono|courier|consol/i.test(format.font ?? "") ? "var(--mono)" : "";
  style.justifyContent = alignmentOf(cell);
  style.alignItems = { TOP: "start", MIDDLE: "center" }[format.vertical] ?? "end";
  node.classList.toggle("wrap", format.wrap === "WRAP");
  node.classList.toggle("clip", format.wrap === "CLIP");
  node.classList.toggle("has-note", cell.note !== "");
  node.classList.toggle("error", cell.type === "error");
  node.classList.toggle("pending", cell.pending === true);
}
