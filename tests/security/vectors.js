// Ways in which a page of another site tries to change something at `AT` with the visitor's session. Each names what
// it would make after itself, so that whatever works is known by its name.
const frames = [];
const frame = () => {
  const made = document.createElement("iframe");
  made.name = `f${frames.length}`;
  document.body.append(made);
  frames.push(made);
  return made.name;
};
const project = (name) => JSON.stringify({ spec: { name } });
const form = (method, path, type, fields) => {
  const made = document.createElement("form");
  Object.assign(made, { method, action: AT + path, enctype: type, target: frame() });
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value });
    made.append(field);
  }
  document.body.append(made);
  made.submit();
};
const element = (kind, name, path, more = {}) => {
  const made = document.createElement(kind);
  Object.assign(made, more);
  made[name] = AT + path;
  document.body.append(made);
};
const ask = (path, said) => fetch(AT + path, { credentials: "include", ...said });
const post = (name, said) => ask("/api/v1/projects", { method: "POST", body: project(name), ...said });
const json = { "content-type": "application/json" };
const PLAIN = "text/plain";
const VECTORS = {
  form_urlencoded: () => form("POST", "/api/v1/projects", "application/x-www-form-urlencoded", { "spec.name": "a1" }),
  form_text: () => form("POST", "/api/v1/projects", PLAIN, { '{"spec":{"name":"a2","note":"': '"}}' }),
  form_multipart: () => form("POST", "/api/v1/projects", "multipart/form-data", { spec: '{"name":"a3"}' }),
  form_get: () => form("GET", "/api/v1/projects", "application/x-www-form-urlencoded", { _method: "POST", name: "a4" }),
  form_override: () => form("POST", "/api/v1/session?_method=DELETE", PLAIN, { _method: "DELETE" }),
  form_csrf_field: () => form("POST", "/api/v1/projects", PLAIN, { "x-dragoman-csrf": "0", a5: "" }),
  form_sign_in: () => form("POST", "/api/v1/session", PLAIN, { '{"login":"mallory","password":"': 'mallory mallory"}' }),
  form_yaml: () => form("POST", "/api/v1/configuration.yaml", PLAIN, { projects: "[{spec: {name: a6}}]" }),
  no_cors_text: () => post("b1", { mode: "no-cors", headers: { "content-type": PLAIN } }),
  no_cors_bare: () => post("b2", { mode: "no-cors" }),
  no_cors_json: () => post("b3", { mode: "no-cors", headers: json }),
  no_cors_blob: () => post("b4", { mode: "no-cors", body: new Blob([project("b4")], { type: "application/json" }) }),
  no_cors_charset: () => post("b5", { mode: "no-cors", headers: { "content-type": "text/plain;application/json" } }),
  no_cors_form: () => ask("/api/v1/keys", { method: "POST", mode: "no-cors", body: new URLSearchParams({ name: "b6" }) }),
  no_cors_data: () => {
    const body = new FormData();
    body.append("spec", new Blob([project("b7")], { type: "application/json" }));
    return ask("/api/v1/projects", { method: "POST", mode: "no-cors", body });
  },
  cors_json: () => post("c1", { headers: json }),
  cors_header: () => post("c2", { headers: { ...json, "x-dragoman-csrf": "0".repeat(64) } }),
  cors_override: () => post("c3", { headers: { ...json, "x-http-method-override": "PUT" } }),
  cors_put: () => ask("/api/v1/settings/bodies_days", { method: "PUT", headers: json, body: '{"value":99}' }),
  cors_delete: () => ask("/api/v1/session", { method: "DELETE" }),
  cors_patch: () => ask("/api/v1/users/x", { method: "PATCH", headers: json, body: "{}" }),
  cors_yaml: () => ask("/api/v1/configuration.yaml", { method: "PUT", headers: { "content-type": "application/yaml" }, body: "dragoman: 1" }),
  cors_token: () => ask("/api/v1/tokens", { method: "POST", headers: json, body: '{"name":"c4"}' }),
  cors_read: () => ask("/api/v1/session").then((told) => told.text()),
  cors_text: () => post("c5", { headers: { "content-type": PLAIN } }),
  beacon_text: () => navigator.sendBeacon(AT + "/api/v1/projects", project("d1")),
  beacon_json: () => navigator.sendBeacon(AT + "/api/v1/projects", new Blob([project("d2")], { type: "application/json" })),
  request: () => {
    const made = new XMLHttpRequest();
    made.open("POST", AT + "/api/v1/projects");
    made.withCredentials = true;
    made.setRequestHeader("content-type", PLAIN);
    made.send(project("e1"));
  },
  request_delete: () => {
    const made = new XMLHttpRequest();
    made.open("DELETE", AT + "/api/v1/session");
    made.withCredentials = true;
    made.send();
  },
  image: () => element("img", "src", "/api/v1/configuration.yaml"),
  script: () => element("script", "src", "/api/v1/configuration.yaml"),
  style: () => element("link", "href", "/api/v1/configuration.yaml", { rel: "stylesheet" }),
  prefetch: () => element("link", "href", "/api/v1/configuration.yaml", { rel: "prefetch" }),
  frame: () => element("iframe", "src", "/api/v1/configuration.yaml"),
  object: () => element("object", "data", "/api/v1/configuration.yaml"),
  embed: () => element("embed", "src", "/api/v1/configuration.yaml"),
  video: () => element("video", "src", "/api/v1/configuration.yaml"),
  events: () => new EventSource(AT + "/api/v1/exchanges", { withCredentials: true }),
  socket: () => new WebSocket(AT.replace("http", "ws") + "/api/v1/session"),
  import: () => import(AT + "/api/v1/configuration.yaml"),
  window: () => window.open(AT + "/api/v1/session"),
  link_ping: () => {
    const made = document.createElement("a");
    Object.assign(made, { href: "#", ping: AT + "/api/v1/projects" });
    document.body.append(made);
    made.click();
  },
};
const TELLS = async () => {
  const told = {};
  for (const [name, act] of Object.entries(VECTORS)) {
    try {
      const done = await Promise.race([act(), new Promise((end) => setTimeout(end, 2000, "waited"))]);
      told[name] = typeof done === "string" ? done : "tried";
    } catch (fault) {
      told[name] = `refused: ${fault.name}`;
    }
  }
  await new Promise((end) => setTimeout(end, 500));
  return told;
};
