import { ask, duration, make, repeat, tag } from "./page.js";

const field = (id) => document.getElementById(id);

function amount(value, unit) {
  if (unit === "s") return duration(value * 1_000);
  if (unit === "By") return `${(value / 1_048_576).toFixed(1)} MiB`;
  return value.toLocaleString();
}

function line(row) {
  const labels = Object.entries(row.labels).map(([key, value]) => make("div", {}, make("span", { class: "soft" }, `${key} `), String(value)));
  const counted = "count" in row;
  const value = counted ? `${row.count.toLocaleString()} × ${amount(row.average, row.unit)}` : amount(row.value, row.unit);
  const shares = ["p50", "p95", "p99"].map((key) => make("td", { class: "right" }, counted ? amount(row[key], row.unit) : ""));
  return make("tr", {},
    make("td", { class: "name" }, row.name),
    make("td", {}, tag(row.service)),
    make("td", { class: "mono" }, ...labels),
    make("td", { class: "right" }, value),
    ...shares);
}

async function draw() {
  try {
    const { metrics } = await ask("/api/metrics");
    const text = field("q").value.trim().toLowerCase();
    const found = metrics.filter((row) => `${row.name} ${row.service} ${JSON.stringify(row.labels)}`.toLowerCase().includes(text));
    field("rows").replaceChildren(...found.map(line));
    field("note").textContent = metrics.length
      ? `${found.length} of ${metrics.length} series, as last sent by each process (every 30 seconds). Quantiles are estimated from buckets.`
      : "No metrics yet: each process sends its own every 30 seconds.";
  } catch (error) {
    field("note").textContent = error.message;
  }
}

field("q").addEventListener("input", draw);
repeat(draw, 5, () => field("live").checked);
