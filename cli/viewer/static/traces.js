import { ask, brief, clock, duration, make, repeat, tag, tone } from "./page.js";

const field = (id) => document.getElementById(id);
const FIELDS = ["q", "service", "min_ms"];

/** The filter lives in the address, so that a view can be kept and shared. */
function query() {
  const asked = new URLSearchParams();
  for (const id of FIELDS) if (field(id).value) asked.set(id, field(id).value);
  if (field("errors").checked) asked.set("errors", "1");
  return asked;
}

function line(trace, longest) {
  const link = make("a", { class: "name", href: `/traces/${trace.traceId}` }, brief(trace.name));
  const what = make("td", {}, link);
  if (trace.errors) what.append(make("span", { class: "badge" }, trace.errors === 1 ? "1 error" : `${trace.errors} errors`));
  const tags = trace.services.map(({ name }) => tag(name));
  const meter = make("i", {});
  meter.style.width = `${(60 * trace.durationMs) / longest}%`;
  return make("tr", {},
    what,
    make("td", {}, make("div", { class: "tags" }, ...tags)),
    make("td", { class: "right" }, String(trace.spans)),
    make("td", {}, make("div", { class: `meter ${tone(trace.service)}` }, make("span", {}, duration(trace.durationMs)), meter)),
    make("td", { class: "right soft" }, clock(trace.startMs)));
}

function offer(services) {
  const select = field("service");
  const chosen = select.value || new URLSearchParams(location.search).get("service") || "";
  const names = chosen && !services.includes(chosen) ? [...services, chosen] : services;
  select.replaceChildren(make("option", { value: "" }, "All services"), ...names.map((name) => make("option", { value: name }, name)));
  select.value = chosen;
}

async function draw() {
  const asked = query();
  try {
    const { traces, services, held } = await ask(`/api/traces?${asked}`);
    if (document.activeElement !== field("service")) offer(services);
    const longest = Math.max(1e-6, ...traces.map((trace) => trace.durationMs));
    field("rows").replaceChildren(...traces.map((trace) => line(trace, longest)));
    field("note").textContent = told(traces.length, held, [...asked].length > 0);
  } catch (error) {
    field("note").textContent = error.message;
  }
}

function told(shown, held, filtered) {
  if (!held) return "No trace yet. Send a request to the gateway and it appears here.";
  if (!shown && filtered) return `None of the ${held} traces held passes this filter.`;
  return `The newest ${shown} of ${held} traces held.`;
}

const given = new URLSearchParams(location.search);
for (const id of ["q", "min_ms"]) field(id).value = given.get(id) ?? "";
if (given.get("service")) offer([given.get("service")]);
field("errors").checked = given.get("errors") === "1";
let wait;
for (const id of [...FIELDS, "errors"]) {
  field(id).addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => {
      const asked = query();
      history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
      draw();
    }, 150);
  });
}
repeat(draw, 2, () => field("live").checked);
