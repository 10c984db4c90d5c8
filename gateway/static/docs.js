// Shows /openapi.json as a page: a menu of methods, and one record's methods at a time.
// Everything is made of text nodes, so nothing in the description can become markup.

const VERBS = ["get", "post", "patch", "put", "delete"];
const main = document.getElementById("main");
const menu = document.getElementById("menu");
const search = document.getElementById("search");

const answer = await fetch("/openapi.json");
const api = await answer.json();
const groups = grouped(api);
drawMenu("");
show();
addEventListener("hashchange", show);
search.addEventListener("input", () => drawMenu(search.value.trim().toLowerCase()));

function grouped({ paths, tags }) {
  const found = new Map(tags.map((tag) => [tag.name, { ...tag, operations: [] }]));
  for (const [path, item] of Object.entries(paths)) {
    for (const verb of VERBS.filter((name) => item[name])) {
      const operation = { ...item[verb], verb, path };
      operation.tags.forEach((tag) => found.get(tag).operations.push(operation));
    }
  }
  for (const group of found.values()) group.operations.sort((a, b) => rank(a) - rank(b));
  return found;
}

function rank({ verb, path }) {
  const custom = path.includes(":") ? 20 : 0;
  return custom + path.split("/").length + VERBS.indexOf(verb) / 10;
}

function drawMenu(words) {
  const current = groupOf(location.hash.slice(1))?.name;
  const entries = [];
  for (const group of groups.values()) {
    const hits = group.operations.filter((operation) => matches(operation, words));
    if (!hits.length) continue;
    const links = hits.map((operation) =>
      make("li", {}, make("a", { href: `#${operation.operationId}` },
        make("span", { class: `verb ${operation.verb}` }, short(operation.verb)), spaced(operation.operationId))));
    const open = Boolean(words) || group.name === current;
    entries.push(make("details", open ? { open: "" } : {}, make("summary", {}, group.name), make("ul", {}, ...links)));
  }
  menu.replaceChildren(...(entries.length ? entries : [make("p", { class: "soft" }, "Nothing found.")]));
  mark();
}

function matches(operation, words) {
  if (!words) return true;
  operation.text ??= JSON.stringify([operation.operationId, operation.path, operation.description, fieldNames(operation)]).toLowerCase();
  return words.split(/\s+/).every((word) => operation.text.includes(word));
}

function fieldNames(operation) {
  const schema = resolved(bodySchema(operation) ?? {});
  return Object.keys(schema.properties ?? {});
}

function groupOf(hash) {
  for (const group of groups.values()) {
    if (group.name === hash || group.operations.some((operation) => operation.operationId === hash)) return group;
  }
  return undefined;
}

function show() {
  const hash = location.hash.slice(1);
  const group = groupOf(hash);
  main.replaceChildren(...(group ? page(group) : introduction()));
  if (!search.value) drawMenu("");
  const target = group && document.getElementById(hash);
  if (target) target.scrollIntoView();
  else scrollTo(0, 0);
  mark();
}

function mark() {
  for (const link of menu.querySelectorAll("a")) {
    if (link.hash === location.hash) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function introduction() {
  const cards = [...groups.values()].map((group) =>
    make("li", {}, make("a", { href: `#${group.name}` }, make("b", {}, group.name), make("span", {}, group.description))));
  return [
    make("h1", {}, `${api.info.title} API`),
    ...prose(api.info.description),
    make("ul", { class: "cards" }, ...cards),
  ];
}

function page(group) {
  return [make("h1", {}, group.name), make("p", { class: "soft" }, group.description), ...group.operations.map(section)];
}

function section(operation) {
  const parameters = (operation.parameters ?? []).map((one) => (one.$ref ? pointed(one.$ref) : one));
  const shown = [];
  for (const [place, title] of [["path", "In the path"], ["query", "In the query"], ["header", "Headers"]]) {
    const here = parameters.filter((parameter) => parameter.in === place);
    if (here.length) shown.push(make("h3", {}, title), make("ul", { class: "fields" }, ...here.map(parameterLine)));
  }
  const body = bodySchema(operation);
  if (body) shown.push(make("h3", {}, "Body"), fields(resolved(body), "in", 0));
  const [status, success] = Object.entries(operation.responses)[0];
  const result = success.content?.["application/json"]?.schema;
  if (result) shown.push(make("h3", {}, `Answer ${status}`), fields(resolved(result), "out", 0));
  return make("article", { class: "operation", id: operation.operationId },
    make("header", {}, make("h2", {}, operation.summary),
      make("p", { class: "path" }, make("span", { class: `verb ${operation.verb}` }, operation.verb.toUpperCase()), make("span", { class: "mono" }, operation.path)),
      ...(operation.description !== `${operation.summary}.` ? prose(operation.description) : []),
      make("p", { class: "facts" }, ...facts(operation))),
    make("div", {}, ...shown, make("h3", {}, "Errors"), statuses(operation)),
    make("div", { class: "samples" }, ...samples(operation, parameters, result, status)));
}

function facts(operation) {
  const about = [];
  if (operation["x-permission"]) about.push(make("span", {}, "Permission ", make("code", {}, operation["x-permission"])));
  if (operation["x-grpc"]) about.push(make("span", {}, "gRPC ", make("code", {}, operation["x-grpc"])));
  return about;
}

function parameterLine(parameter) {
  return fieldLine(parameter.name, parameter.schema, parameter.description, parameter.required, "in", 9);
}

function fields(schema, direction, depth) {
  const required = new Set(schema.required ?? []);
  const entries = Object.entries(schema.properties ?? {}).filter(([, one]) => direction === "out" || !one.readOnly);
  if (!entries.length) return make("p", { class: "soft" }, "An empty object.");
  return make("ul", { class: "fields" }, ...entries.map(([name, one]) => fieldLine(name, one, one.description, required.has(name), direction, depth)));
}

function fieldLine(name, schema, description, required, direction, depth) {
  const inner = innerObject(schema);
  const line = make("li", {}, make("span", { class: "name" }, name), make("span", { class: "type" }, typeName(schema)));
  if (required) line.append(make("span", { class: "tag required" }, "required"));
  for (const limit of limits(schema)) line.append(make("span", { class: "tag" }, limit));
  line.append(...prose(description ?? ""));
  const plain = plainOf(schema);
  if (plain.enum) line.append(make("p", {}, ...plain.enum.flatMap((value, index) => [index ? " " : "", make("code", {}, value)])));
  if (inner && depth < 4) {
    const more = make("details", {}, make("summary", {}, `Fields of ${name}`));
    more.addEventListener("toggle", () => { if (more.open && more.children.length === 1) more.append(fields(inner, direction, depth + 1)); });
    line.append(more);
  }
  return line;
}

function plainOf(schema) {
  const one = resolved(schema);
  if (one.anyOf) return resolved(one.anyOf[0]);
  return one.type === "array" ? resolved(one.items ?? {}) : one;
}

function innerObject(schema) {
  const plain = plainOf(schema);
  return plain.properties ? plain : undefined;
}

function typeName(schema) {
  const name = (schema.$ref ?? "").split("/").pop();
  const one = resolved(schema);
  if (one.anyOf) return `${typeName(one.anyOf[0])} or null`;
  if (one.type === "array") return `list of ${typeName(one.items ?? {})}`;
  if (one["x-reference"]) return `name of ${one["x-reference"]}`;
  if (one.format && one.format !== "double") return `${[].concat(one.type)[0]}, ${one.format}`;
  return name || [].concat(one.type ?? "any value").join(" or ");
}

function limits(schema) {
  const one = resolved(schema);
  const found = [];
  if (one.maxLength !== undefined) found.push(`${one.minLength ? `${one.minLength} to` : "up to"} ${one.maxLength} characters`);
  if (one.minimum !== undefined || one.maximum !== undefined) found.push(`${one.minimum ?? "…"} to ${one.maximum ?? "…"}`);
  if (one.maxItems !== undefined) found.push(`${one.minItems ? `${one.minItems} to` : "up to"} ${one.maxItems}`);
  return found;
}

function statuses(operation) {
  const lines = Object.entries(operation.responses).filter(([status]) => status >= "400");
  return make("dl", { class: "statuses" }, ...lines.flatMap(([status, response]) =>
    [make("dt", {}, status), make("dd", {}, ...inline((response.$ref ? pointed(response.$ref) : response).description))]));
}

function samples(operation, parameters, result, status) {
  const shown = [make("h3", {}, "Try it"), copyable(curl(operation, parameters))];
  if (result) shown.push(make("h3", {}, `Answer ${status}`), copyable(JSON.stringify(sample(resolved(result), 0), null, 2)));
  return shown;
}

function curl(operation, parameters) {
  const path = parameters.filter((one) => one.in === "path").reduce((text, one) => text.replace(`{${one.name}}`, one.schema.examples?.[0] ?? "…"), operation.path);
  const required = parameters.filter((one) => one.in === "query" && one.required).map((one) => `${one.name}=…`).join("&");
  const lines = [`curl ${operation.verb === "get" ? "" : `-X ${operation.verb.toUpperCase()} `}'${location.origin}${path}${required ? `?${required}` : ""}'`];
  if (operation.security?.length !== 0) lines.push("  -H 'Authorization: Bearer YOUR_KEY'");
  if (operation.path.endsWith(":stream")) lines.push("  --no-buffer");
  const content = operation.requestBody?.content["application/json"];
  if (content) {
    lines.push("  -H 'Content-Type: application/json'");
    lines.push(`  -d '${JSON.stringify(content.example ?? {}, null, 2).replaceAll("'", "'\\''")}'`);
  }
  return lines.join(" \\\n");
}

function sample(schema, depth) {
  const one = resolved(schema);
  if (one.examples) return one.examples[0];
  if (one.anyOf) return sample(one.anyOf[0], depth);
  if (one.enum) return one.enum[Math.min(1, one.enum.length - 1)];
  if (one.type === "array") return depth > 3 ? [] : [sample(one.items ?? {}, depth + 1)];
  if (one.properties) {
    const entries = Object.entries(one.properties).filter(([name]) => depth < 5 && name !== "deleteTime").slice(0, 14);
    return Object.fromEntries(entries.map(([name, inner]) => [name, name === "name" && inner.readOnly ? "…/0198f3c2-7c1e-7a3b-9d4e-5f6a7b8c9d0e" : sample(inner, depth + 1)]));
  }
  const type = [].concat(one.type)[0];
  return { integer: one.minimum ?? 0, number: 0, boolean: true, object: {}, string: one.format === "int64" ? "0" : "…" }[type] ?? null;
}

function copyable(text) {
  const button = make("button", { class: "copy", type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1200);
  });
  return make("div", { class: "sample" }, make("pre", {}, text), button);
}

function prose(text) {
  return text.split(/\n\n+/).filter(Boolean).map((paragraph) => make("p", {}, ...inline(paragraph)));
}

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 2) return make("code", {}, part.slice(1, -1));
    if (part.startsWith("**")) return make("b", {}, part.slice(2, -2));
    return part;
  });
}

function bodySchema(operation) { return operation.requestBody?.content["application/json"]?.schema; }
function resolved(schema) { return schema.$ref ? { ...pointed(schema.$ref), ...(schema.description ? { description: schema.description } : {}) } : schema; }
function pointed(reference) { return reference.slice(2).split("/").reduce((node, key) => node[key], api); }
function spaced(name) { return name.replace(/([a-z])([A-Z])/g, "$1 $2"); }
function short(verb) { return { delete: "DEL" }[verb] ?? verb.toUpperCase(); }

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
