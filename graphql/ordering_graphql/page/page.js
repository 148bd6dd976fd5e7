// The query page: asks /graphql, shows the answer, and what the schema says of itself.
// Everything that is shown is set as text, so that no answer can become a part of the page.
"use strict";

const START = `query {
  orders(first: 5, orderBy: CREATED_DESC) {
    totalCount
    nodes { id externalId state createdAt }
  }
}
`;

const TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
const INTROSPECTION = `{ __schema { types {
  kind name description
  fields { name description args { name description type { ${TYPE} } } type { ${TYPE} } }
  inputFields { name description type { ${TYPE} } }
  enumValues { name description }
} } }`;

const part = (id) => document.getElementById(id);
const asked = [];

function element(name, text, ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

function parsed(id) {
  try {
    return JSON.parse(part(id).value || "{}");
  } catch (error) {
    throw new Error(`${id}: ${error.message}`);
  }
}

async function ask(query, variables, headers) {
  const response = await fetch("/graphql", {
    method: "POST",
    credentials: "same-origin",
    headers: { ...headers, "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  return { status: response.status, answer: JSON.parse(text) };
}

function told(status, answer, milliseconds) {
  const cost = answer.extensions && answer.extensions.cost;
  const charged = cost ? `, cost ${cost.requested} of ${cost.limit}` : "";
  return `${status}, ${milliseconds} ms${charged}`;
}

function remember(query, variables) {
  const known = asked.findIndex((each) => each.query === query && each.variables === variables);
  if (known >= 0) asked.splice(known, 1);
  asked.unshift({ query, variables });
  asked.length = Math.min(asked.length, 50);
  const shown = asked.map((each) => element("option", each.query.replace(/\s+/g, " ").slice(0, 80)));
  part("history").replaceChildren(...shown);
}

async function run() {
  const started = performance.now();
  part("run").disabled = true;
  part("told").textContent = "…";
  try {
    const query = part("query").value;
    const { status, answer } = await ask(query, parsed("variables"), parsed("headers"));
    part("answer").textContent = JSON.stringify(answer, null, 2);
    part("told").textContent = told(status, answer, Math.round(performance.now() - started));
    remember(query, part("variables").value);
  } catch (error) {
    part("told").textContent = error.message;
  } finally {
    part("run").disabled = false;
  }
}

function nameOf(type) {
  if (type.kind === "NON_NULL") return `${nameOf(type.ofType)}!`;
  if (type.kind === "LIST") return `[${nameOf(type.ofType)}]`;
  return type.name;
}

function signature(field) {
  const args = (field.args || []).map((each) => `${each.name}: ${nameOf(each.type)}`).join(", ");
  return `${field.name}${args ? `(${args})` : ""}${field.type ? `: ${nameOf(field.type)}` : ""}`;
}

function entry(type) {
  const members = type.fields || type.inputFields || type.enumValues || [];
  const list = document.createElement("dl");
  for (const each of members) {
    list.append(element("dt", signature(each)), element("dd", each.description || ""));
  }
  const shown = document.createElement("details");
  shown.append(element("summary", type.name), element("p", type.description || ""), list);
  shown.dataset.text = [type.name, ...members.map((each) => each.name)].join(" ").toLowerCase();
  return shown;
}

async function readSchema() {
  try {
    const { answer } = await ask(INTROSPECTION, {}, parsed("headers"));
    const types = answer.data.__schema.types.filter((type) => !type.name.startsWith("__"));
    types.sort((one, other) => (other.name === "Query") - (one.name === "Query") || one.name.localeCompare(other.name));
    part("schema").replaceChildren(...types.map(entry));
  } catch (error) {
    part("schema").textContent = `The schema could not be read: ${error.message}`;
  }
}

function find() {
  const text = part("find").value.toLowerCase();
  for (const each of part("schema").children) each.hidden = !each.dataset.text.includes(text);
}

part("query").value = START;
part("run").addEventListener("click", run);
part("find").addEventListener("input", find);
part("history").addEventListener("change", (event) => {
  const chosen = asked[event.target.selectedIndex];
  part("query").value = chosen.query;
  part("variables").value = chosen.variables;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
});
readSchema();
