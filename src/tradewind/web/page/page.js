// The page: four views of the REST API, drawn anew every two seconds while the page is visible.
const POLL_MS = 2000;
const PAGE_SIZE = 25;
const TOKEN = "tradewind-token";

const main = document.getElementById("main");
const notice = document.getElementById("notice");
let timer = 0;
let drawn = "";
let drawing = false;
let search = "";
let offset = 0;

class SignedOut extends Error {}

async function call(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { ...options, headers, body: options.body && JSON.stringify(options.body) });
  if (answer.status === 401) throw new SignedOut();
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ detail: answer.statusText }));
    throw new Error(typeof problem.detail === "string" ? problem.detail : problem.detail.map((one) => one.msg).join("; "));
  }
  if (answer.status === 204) return null;
  return headers.Accept === "text/plain" ? answer.text() : answer.json();
}

// Builds an element. Text is always set as text, so nothing an author wrote becomes markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map(String2Node));
  return element;
}

function String2Node(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

const part = encodeURIComponent;
const api = (...parts) => `/api/v2/${parts.map(part).join("/")}`;
const link = (...parts) => `#/${parts.map(part).join("/")}`;
const when = (text) => (text ? new Date(text).toLocaleString() : "");
const stateClass = (state) => `s-${state || "none"}`;

function seconds(duration) {
  if (duration === null || duration === undefined) return "";
  if (duration < 60) return `${duration.toFixed(duration < 10 ? 2 : 0)} s`;
  return `${Math.floor(duration / 60)} min ${Math.round(duration % 60)} s`;
}

function state(value) {
  return make("span", { class: `state ${stateClass(value)}` }, (value || "no status").replaceAll("_", " "));
}

function table(titles, rows, nothing) {
  const head = make("thead", {}, make("tr", {}, ...titles.map((title) => make("th", { scope: "col" }, title))));
  const body = make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell)))));
  if (!rows.length) body.append(make("tr", {}, make("td", { colspan: titles.length, class: "faint" }, nothing)));
  return make("table", {}, head, body);
}

function tell(text, isGood = false) {
  notice.textContent = text;
  notice.classList.toggle("good", isGood);
  notice.hidden = false;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { notice.hidden = true; }, 6000);
}

async function act(action, done) {
  try {
    await action();
    if (done) tell(done, true);
    drawn = "";
    await draw();
  } catch (error) {
    if (error instanceof SignedOut) showSignIn();
    else tell(error.message);
  }
}

function bars(dag) {
  const runs = dag.latest_dag_runs;
  const longest = Math.max(0.001, ...runs.map((run) => run.duration || 0));
  return make("div", { class: "bars" }, ...runs.map((run) => {
    const height = 1 + Math.round((4 * (run.duration || 0)) / longest);
    const title = `${run.dag_run_id}: ${run.state}${run.duration === null ? "" : `, ${seconds(run.duration)}`}`;
    return make("a", { class: `bar h${height} ${stateClass(run.state)}`, href: link("dags", dag.dag_id, run.dag_run_id), title, "aria-label": title });
  }));
}

function pauseSwitch(dag) {
  const toggle = () => act(() => call(api("dags", dag.dag_id), { method: "PATCH", body: { is_paused: !dag.is_paused } }));
  return make("button", { type: "button", role: "switch", "aria-checked": String(!dag.is_paused), "aria-label": `${dag.dag_id} is active`, title: dag.is_paused ? "Paused" : "Active", onclick: toggle });
}

function triggerButton(dag) {
  const trigger = () => act(() => call(api("dags", dag.dag_id, "dagRuns"), { method: "POST", body: { logical_date: new Date().toISOString() } }), dag.is_paused ? "Triggered: the run waits until the DAG is unpaused" : "Triggered");
  return make("button", { type: "button", onclick: trigger, "aria-label": `Trigger ${dag.dag_id}` }, "Trigger");
}

async function showDags() {
  const query = new URLSearchParams({ limit: PAGE_SIZE, offset, dag_runs_limit: 12 });
  if (search) query.set("dag_id_pattern", search);
  const data = await call(`/ui/dags?${query}`);
  return [data, () => {
    const field = make("input", { type: "search", placeholder: "Search DAGs", "aria-label": "Search DAGs", value: search, oninput: (event) => { search = event.target.value; offset = 0; drawn = ""; draw(); } });
    const rows = data.dags.map((dag) => [
      pauseSwitch(dag),
      make("span", {}, make("a", { href: link("dags", dag.dag_id) }, dag.dag_display_name), ...dag.tags.map((tag) => make("span", { class: "tag" }, tag.name))),
      make("span", { class: "faint" }, dag.timetable_summary === "None" ? "" : dag.timetable_summary),
      bars(dag),
      make("span", { class: "faint" }, when(dag.next_dagrun_run_after)),
      triggerButton(dag),
    ]);
    return [make("h1", {}, "DAGs ", make("small", {}, data.total_entries)), make("div", { class: "bar-row" }, field, ...pages(data.total_entries)), table(["Active", "DAG", "Schedule", "Last runs", "Next run", ""], rows, "No DAG is here. Put a DAG file into the DAGs folder; it shows up at once.")];
  }];
}

function pages(total) {
  if (total <= PAGE_SIZE) return [];
  const go = (to) => () => { offset = to; drawn = ""; draw(); };
  return [
    make("button", { type: "button", disabled: offset === 0, onclick: go(Math.max(0, offset - PAGE_SIZE)) }, "Back"),
    make("span", { class: "faint" }, `${offset + 1} to ${Math.min(total, offset + PAGE_SIZE)} of ${total}`),
    make("button", { type: "button", disabled: offset + PAGE_SIZE >= total, onclick: go(offset + PAGE_SIZE) }, "Next"),
  ];
}

async function showDag(dagId) {
  const [dag, runs] = await Promise.all([call(api("dags", dagId, "details")), call(`${api("dags", dagId, "dagRuns")}?order_by=-run_after&limit=50`)]);
  return [[dag, runs], () => [
    make("h1", {}, dag.dag_display_name, " ", make("small", {}, dag.description || "")),
    make("div", { class: "bar-row" }, pauseSwitch(dag), triggerButton(dag), make("span", { class: "faint" }, `${dag.relative_fileloc}, schedule: ${dag.timetable_summary}`)),
    make("p", { class: "faint" }, `Defaults of Airflow ${dag.airflow_defaults}`, dag.airflow_defaults_decided_by ? `, decided by ${dag.airflow_defaults_decided_by}` : ""),
    table(["Run", "State", "Started", "Duration"], runs.dag_runs.map((run) => [make("a", { href: link("dags", dagId, run.dag_run_id) }, run.dag_run_id), state(run.state), when(run.start_date), seconds(run.duration)]), "No run yet."),
  ]];
}

async function showRun(dagId, runId) {
  const [run, instances] = await Promise.all([call(api("dags", dagId, "dagRuns", runId)), call(`${api("dags", dagId, "dagRuns", runId, "taskInstances")}?limit=100`)]);
  const again = (onlyFailed) => () => act(() => call(api("dags", dagId, "dagRuns", runId, "clear"), { method: "POST", body: { dry_run: false, only_failed: onlyFailed } }), "Cleared");
  const mark = (to) => () => act(() => call(api("dags", dagId, "dagRuns", runId), { method: "PATCH", body: { state: to } }));
  return [[run, instances], () => [
    make("h1", {}, make("a", { href: link("dags", dagId) }, run.dag_display_name), " ", make("small", {}, runId)),
    make("div", { class: "bar-row" }, state(run.state), make("span", { class: "faint" }, when(run.start_date), " ", seconds(run.duration)), make("button", { type: "button", onclick: again(false) }, "Clear all"), make("button", { type: "button", onclick: again(true) }, "Clear failed"), make("button", { type: "button", onclick: mark("success") }, "Mark success"), make("button", { type: "button", onclick: mark("failed") }, "Mark failed")),
    table(["Task", "State", "Try", "Started", "Duration", "Operator", "Note"], instances.task_instances.map((one) => [
      make("a", { href: link("dags", dagId, runId, one.task_id, one.map_index, Math.max(one.try_number, 1)) }, one.map_index >= 0 ? `${one.task_id} [${one.map_index}]` : one.task_id),
      state(one.state), one.try_number, when(one.start_date), seconds(one.duration), make("span", { class: "faint" }, one.operator_name), make("span", { class: "faint" }, one.note || ""),
    ]), "The run has not started."),
    instances.total_entries > instances.task_instances.length ? make("p", { class: "faint" }, `${instances.task_instances.length} of ${instances.total_entries} task instances are shown.`) : null,
  ]];
}

async function showTask(dagId, runId, taskId, mapIndex, tryNumber) {
  const base = api("dags", dagId, "dagRuns", runId, "taskInstances", taskId);
  const [one, log, why] = await Promise.all([
    call(`${base}?map_index=${part(mapIndex)}`),
    call(`${base}/logs/${part(tryNumber)}?map_index=${part(mapIndex)}&full_content=true`, { headers: { Accept: "text/plain" } }),
    call(`${base}/explain?map_index=${part(mapIndex)}`).catch((error) => { if (error instanceof SignedOut) throw error; return null; }),
  ]);
  const tries = Array.from({ length: Math.max(one.try_number, 1) }, (_, index) => index + 1);
  return [[one, log, why], () => [
    make("h1", {}, make("a", { href: link("dags", dagId) }, dagId), " / ", make("a", { href: link("dags", dagId, runId) }, runId), " / ", taskId),
    make("div", { class: "bar-row" }, state(one.state), make("span", { class: "faint" }, seconds(one.duration)), ...tries.map((number) => make("a", { href: link("dags", dagId, runId, taskId, mapIndex, number), "aria-current": String(number) === tryNumber ? "true" : null }, `Try ${number}`))),
    why && why.summary ? make("p", {}, why.summary) : null,
    make("pre", {}, log || "No log yet."),
  ]];
}

async function showErrors() {
  const data = await call("/api/v2/importErrors?limit=100");
  return [data, () => [make("h1", {}, "Import errors ", make("small", {}, data.total_entries)), ...(data.import_errors.length ? data.import_errors.flatMap((error) => [make("h2", {}, error.filename), make("pre", {}, error.stack_trace)]) : [make("p", { class: "faint" }, "Every DAG file can be imported.")])]];
}

function view() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  if (parts[0] === "errors") return showErrors();
  if (parts[0] === "dags" && parts.length === 2) return showDag(parts[1]);
  if (parts[0] === "dags" && parts.length === 3) return showRun(parts[1], parts[2]);
  if (parts[0] === "dags" && parts.length === 6) return showTask(...parts.slice(1));
  return showDags();
}

function showSignIn() {
  clearTimeout(timer);
  drawn = "";
  sessionStorage.removeItem(TOKEN);
  document.getElementById("sign-out").hidden = true;
  const name = make("input", { name: "username", autocomplete: "username", required: true });
  const password = make("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const answer = await call("/auth/token", { method: "POST", body: { username: name.value, password: password.value } });
      sessionStorage.setItem(TOKEN, answer.access_token);
      await draw();
    } catch (error) {
      tell(error instanceof SignedOut ? "Name or password is wrong" : error.message);
    }
  };
  main.replaceChildren(make("form", { class: "sign-in", onsubmit: submit }, make("h1", {}, "Sign in"), make("label", {}, "Name", name), make("label", {}, "Password", password), make("button", { class: "primary" }, "Sign in")));
  name.focus();
}

async function showHealth() {
  const [health, errors] = await Promise.all([call("/api/v2/monitor/health"), call("/api/v2/importErrors?limit=1")]);
  const bad = Object.entries(health).filter(([, one]) => one && one.status === "unhealthy").map(([name]) => name.replace("_", " "));
  document.getElementById("health").textContent = bad.length ? `Not healthy: ${bad.join(", ")}` : "";
  const count = document.getElementById("error-count");
  count.textContent = errors.total_entries;
  count.hidden = errors.total_entries === 0;
}

async function draw() {
  if (drawing) return;
  drawing = true;
  clearTimeout(timer);
  const hash = location.hash;
  try {
    const [data, build] = await view();
    const key = `${hash} ${JSON.stringify(data)}`;
    // What has not changed is left as it is, so that focus, selection and scrolling stay.
    if (key !== drawn && hash === location.hash) {
      const focused = document.activeElement && document.activeElement.getAttribute("aria-label");
      const end = document.activeElement && document.activeElement.selectionEnd;
      main.replaceChildren(...build().filter(Boolean));
      const again = focused && main.querySelector(`[aria-label="${CSS.escape(focused)}"]`);
      if (again) {
        again.focus();
        if (end !== undefined && end !== null && again.setSelectionRange) again.setSelectionRange(end, end);
      }
      drawn = key;
    }
    document.getElementById("sign-out").hidden = !sessionStorage.getItem(TOKEN);
    await showHealth();
  } catch (error) {
    if (error instanceof SignedOut) { drawing = false; showSignIn(); return; }
    tell(error.message);
  }
  drawing = false;
  if (!document.hidden) timer = setTimeout(draw, POLL_MS);
  if (hash !== location.hash) draw();
}

document.getElementById("sign-out").addEventListener("click", showSignIn);
document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else if (!main.querySelector("form")) draw(); });
addEventListener("hashchange", () => { main.focus(); draw(); });
// Asked first, because a browser notes every refused request as an error.
if (sessionStorage.getItem(TOKEN)) draw();
else call("/ui/sign-in").then((answer) => (answer.is_needed ? showSignIn() : draw()), (error) => tell(error.message));
