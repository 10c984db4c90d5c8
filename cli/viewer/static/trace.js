import { ask, brief, clock, duration, make, short, tag, tone } from "./page.js";

const place = (id) => document.getElementById(id);
const id = location.pathname.split("/").pop();
// A span named in the address (…/traces/<trace>#<span>, as logs tell them) is shown with its details.
const open = new Set([location.hash.slice(1)]);
let shown = 0;

function head(trace) {
  const facts = [
    duration(trace.durationMs),
    `${trace.spans} ${trace.spans === 1 ? "span" : "spans"}`,
    clock(trace.startMs),
  ];
  const line = make("p", {}, ...facts.map((fact) => make("span", {}, fact)), make("span", { class: "mono" }, trace.traceId));
  const title = make("h1", {}, brief(trace.name));
  if (trace.errors) title.append(make("span", { class: "badge" }, trace.errors === 1 ? "1 error" : `${trace.errors} errors`));
  place("head").replaceChildren(title, line);
  place("legend").replaceChildren(...trace.services.map(({ name, spans }) => tag(name, `${short(name)} ${spans}`)));
  document.title = `${brief(trace.name)} · Kith`;
}

function axis(total) {
  const ticks = make("div", { class: "ticks" });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const tick = make("span", {}, share ? duration(total * share) : "0");
    tick.style.left = `${100 * share}%`;
    ticks.append(tick);
  }
  return make("div", { class: "axis" }, make("div", {}, "Span"), ticks);
}

function row(span, total) {
  const bar = make("div", { class: "bar-of" });
  const left = (100 * span.offsetMs) / total;
  const width = (100 * span.durationMs) / total;
  bar.style.left = `min(${left}%, 100% - 3px)`;
  bar.style.width = `${width}%`;
  const time = make("span", { class: "time" }, duration(span.durationMs));
  // Beside the bar: after it, or before it where there is no room, or else on it.
  if (left + width <= 80) time.style.left = `max(${left + width}%, ${left}% + 3px)`;
  else time.style.left = `${left}%`;
  if (left + width > 80) time.classList.add(left < 14 ? "on" : "before");
  const label = make("div", { class: "label" },
    make("span", { class: "dot" }),
    make("span", { class: "what", title: span.name }, brief(span.name)),
    make("span", { class: "who" }, short(span.service)));
  label.style.paddingLeft = `${14 + 16 * Math.min(span.depth, 24)}px`;
  const button = make("button", {
    class: `row ${tone(span.service)}${span.error ? " failed" : ""}`,
    "aria-expanded": String(open.has(span.spanId)),
  }, label, make("div", { class: "lane" }, bar, time));
  button.addEventListener("click", () => {
    if (open.delete(span.spanId)) button.nextElementSibling.remove();
    else { open.add(span.spanId); button.after(detail(span)); }
    button.setAttribute("aria-expanded", String(open.has(span.spanId)));
  });
  return open.has(span.spanId) ? [button, detail(span)] : [button];
}

function detail(span) {
  const list = make("dl");
  const tell = (key, value, style = "mono") => list.append(make("dt", {}, key), make("dd", { class: style }, value));
  if (span.error) tell("failed", span.message || String(span.attributes["error.type"] ?? "yes"), "bad");
  tell("service", span.service, "");
  if (span.pod) tell("pod", span.pod, "");
  tell("kind", span.kind, "");
  tell("started", `${duration(span.offsetMs)} after the trace began`, "");
  tell("lasted", duration(span.durationMs), "");
  for (const [key, value] of Object.entries(span.attributes)) tell(key, typeof value === "string" ? value : JSON.stringify(value));
  for (const event of span.events) tell(`event ${event.name}`, `at ${duration(event.offsetMs)} ${JSON.stringify(event.attributes)}`);
  for (const link of span.links) tell("linked to", make("a", { href: `/traces/${link.traceId}` }, link.traceId));
  tell("span id", span.spanId);
  return make("div", { class: "detail" }, list);
}

async function draw() {
  try {
    const trace = await ask(`/api/traces/${encodeURIComponent(id)}`);
    if (trace.spans === shown) return;
    shown = trace.spans;
    head(trace);
    const total = Math.max(trace.durationMs, 1e-6);
    place("fall").replaceChildren(axis(total), ...trace.rows.flatMap((span) => row(span, total)));
    place("note").textContent = trace.dropped ? `${trace.dropped} further spans were not kept.` : "";
  } catch (error) {
    place("note").textContent = error.message;
  }
}

draw();
// What workers do arrives after the response: look again for half a minute.
const again = setInterval(draw, 2_000);
setTimeout(() => clearInterval(again), 30_000);
