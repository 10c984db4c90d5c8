// What the three pages share: making elements, telling times, colouring services.

/** Makes an element; `content` holds texts and elements. Text never becomes markup. */
export function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

/** Milliseconds as people say them. */
export function duration(ms) {
  if (ms >= 60_000) return `${(ms / 60_000).toFixed(1)} min`;
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms >= 100) return `${ms.toFixed(0)} ms`;
  if (ms >= 1) return `${ms.toFixed(1)} ms`;
  return `${Math.max(0, ms * 1_000).toFixed(0)} µs`;
}

/** A time of today as a clock, an older one with its day. */
export function clock(ms) {
  const then = new Date(ms);
  const time = `${then.toLocaleTimeString([], { hour12: false })}.${String(then.getMilliseconds()).padStart(3, "0")}`;
  return then.toDateString() === new Date().toDateString() ? time : `${then.toLocaleDateString()} ${time}`;
}

const KNOWN = ["gateway", "contact", "sales", "cases", "notification", "identity", "insight"];

/** The colour class of a service: both processes of one service share it, on every page. */
export function tone(service) {
  const known = KNOWN.findIndex((name) => service.startsWith(`kith-${name}`));
  if (known >= 0) return `c${known}`;
  let sum = 0;
  for (const letter of service) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return `c${7 + (sum % 3)}`;
}

/** A service's name with its colour. */
export function tag(service, text = short(service)) {
  return make("span", { class: `tag ${tone(service)}` }, make("span", { class: "dot" }), text);
}

/** A service's name without the prefix that all of ours share. */
export function short(service) {
  return service.replace(/^kith-/, "");
}

/** A span's name without the package of its gRPC service. */
export function brief(name) {
  return name.replace(/^(?:[a-z0-9_]+\.)+(?=[A-Z])/, "");
}

/** Asks the viewer; answers its JSON or throws an Error that can be shown. */
export async function ask(path) {
  const response = await fetch(path);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail ?? `The viewer answered ${response.status}.`);
  return body;
}

/** Runs `draw` now and then every `seconds`, while `wanted()` and the page is seen. */
export function repeat(draw, seconds, wanted = () => true) {
  draw();
  setInterval(() => { if (!document.hidden && wanted()) draw(); }, seconds * 1_000);
}
