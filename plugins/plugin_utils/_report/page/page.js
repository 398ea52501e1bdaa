
// The document. Text of strangers only becomes text: textContent and attributes, never HTML.

const COLUMNS = [
  ["state", "State"], ["log_group", "Log group"], ["account", "Account"], ["region", "Region"], ["why", "Why"],
  ["since", "Since"], ["means", "By"], ["others", "Others"],
];
const FACET_TITLES = {
  state: "State", cause: "Cause", account: "Account", region: "Region", status: "Target", change: "Since the report before",
};
const FIELD_TITLES = {
  state: "State", change: "Change", cause: "Cause", reason: "Reason", account: "Account", region: "Region", host: "Host", means: "Delivered by",
  known_by: "Known by", since: "Subscribed since", created: "Log group created", others: "Other destinations",
};
const SHOWN_VALUES = 8;
const PRINTED_ROWS = 2000;

let model;
let view = emptyView();
let order, hits, found;
let active = 0;
let scrolled = 0;
let rowHeight, viewHeight;
const facets = {};
const byId = (id) => document.getElementById(id);
const format = (count) => count.toLocaleString("en-US");
const plural = (count, noun) => `${format(count)} ${noun}${count === 1 ? "" : "s"}`;

function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}


/* Start */

async function unpack(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function start() {
  showAges();
  setUpTheme();
  byId("log-groups").hidden = false;
  byId("found").textContent = "Unpacking …";
  // The top of the page is painted before the table takes the processor.
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  try {
    model = modelOf(await unpack(byId("data").content.textContent));
  } catch (error) {
    byId("found").textContent = `This browser cannot unpack the table: ${error.message}`;
    return;
  }
  byId("data").remove();
  setUpTable();
  setUpFacets();
  setUpTools();
  show(viewOf(location.hash.slice(1)) || emptyView());
  document.documentElement.dataset.ready = "";
  performance.mark("ready");
}

function showAges() {
  for (const time of document.querySelectorAll(".age time")) {
    time.append(` (${ageText((Date.now() - Date.parse(time.dateTime)) / 1000)})`);
  }
}

function setUpTheme() {
  const button = byId("theme");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = isDark() ? "Light mode" : "Dark mode"; };
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  button.hidden = false;
  name();
}

/* The view */

function show(next) {
  if (!model.shown || next.sort !== view.sort || next.descending !== view.descending) order = orderOf(model, next);
  if (!model.shown || next.query !== view.query) hits = searchNames(model, next.query);
  model.shown = true;
  view = next;
  found = filterRows(model, view, order, hits);
  active = 0;
  if (scrolled) byId("view").scrollTop = scrolled = 0;
  showFound();
  showFacets();
  showHead();
  drawRows();
}

// Change a copy of the view, show it, and keep its link in the address.
let linkTimer;
function change(edit) {
  const next = { ...view, selected: { ...view.selected } };
  edit(next);
  show(next);
  clearTimeout(linkTimer);
  linkTimer = setTimeout(() => {
    const fragment = fragmentOf(view);
    history.replaceState(null, "", fragment ? "#" + fragment : location.pathname + location.search);
  }, 150);
}

function showFound() {
  const total = found.rows.length;
  byId("found").textContent = total === model.count ? plural(total, "log group") : `${format(total)} of ${plural(model.count, "log group")}`;
  byId("clear").hidden = !isFiltered(view);
  byId("export").textContent = `Export ${plural(total, "row")} as CSV`;
  if (byId("query").value !== view.query) byId("query").value = view.query;
  const unread = unreadTargets(model, view);
  byId("partial").hidden = !unread.length;
  byId("partial").textContent = `${plural(unread.length, "target")} not read to the end within these filters: log groups are missing here.`;
  byId("empty").hidden = total > 0;
  byId("rows").classList.toggle("none", !total);
  if (!total) showEmpty(unread);
}

function showEmpty(unread) {
  const items = unread.slice(0, 50).map((index) => make("li", {}, make("bdi", {}, model.targets.host[index]), ": ",
    make("bdi", {}, model.targets.error[index] || "not read")));
  if (unread.length > items.length) items.push(make("li", {}, `and ${plural(unread.length - items.length, "target")} more`));
  const title = unread.length ? "No log group that was read matches." : "No log group matches.";
  byId("empty").replaceChildren(make("p", {}, title), make("ul", {}, ...items));
}

/* Facets */

function setUpFacets() {
  for (const name of model.facets) {
    const facet = { list: make("ul"), all: false, text: "", nodes: new Map() };
    const isLong = model.columns[name].values.length > SHOWN_VALUES;
    facet.more = make("button", { type: "button", class: "more", hidden: true, onclick: () => { facet.all = !facet.all; showFacets(); } });
    const find = make("input", {
      type: "search", placeholder: "Find", "aria-label": `Find in ${FACET_TITLES[name]}`, oninput: (event) => {
        facet.text = event.target.value.toLowerCase();
        showFacets();
      },
    });
    facets[name] = facet;
    byId("facet-lists").append(make("fieldset", {}, make("legend", {}, FACET_TITLES[name]), ...(isLong ? [find] : []), facet.list, facet.more));
    facet.box = byId("facet-lists").lastElementChild;
  }
  if (matchMedia("(max-width: 1100px)").matches) byId("facets").open = false;
}

function showFacets() {
  const chips = [];
  if (view.query) chips.push(chip("Name", view.query, () => change((next) => { next.query = ""; })));
  for (const name of model.facets) {
    const facet = facets[name];
    const items = facetItems(model, view, name, found.counts[name]);
    const matching = facet.text ? items.filter((item) => labelOf(model, name, item.value).toLowerCase().includes(facet.text)) : items;
    const shown = facet.all ? matching : matching.slice(0, Math.max(SHOWN_VALUES, items.filter((item) => item.isChosen).length));
    facet.list.replaceChildren(...shown.map((item) => facetNode(name, facet, item)));
    facet.box.hidden = !items.length;
    facet.more.hidden = matching.length <= SHOWN_VALUES;
    facet.more.textContent = facet.all ? "Show fewer" : `Show all ${format(matching.length)}`;
    for (const item of items) {
      if (item.isChosen) chips.push(chip(FACET_TITLES[name], labelOf(model, name, item.value), () => choose(name, item.value, false)));
    }
  }
  byId("chips").replaceChildren(...chips);
}

function facetNode(name, facet, item) {
  let node = facet.nodes.get(item.value);
  if (!node) {
    const box = make("input", { type: "checkbox", onchange: (event) => choose(name, item.value, event.target.checked) });
    const count = make("span", { class: "count" });
    const row = make("li", {}, make("label", {}, box, ...signs(name, item.value), make("bdi", { title: item.value }, labelOf(model, name, item.value)), count));
    node = { box, count, row };
    facet.nodes.set(item.value, node);
  }
  node.box.checked = item.isChosen;
  node.row.classList.toggle("zero", !item.count && !item.isUnread && !item.isChosen);
  node.count.textContent = item.count || !item.isUnread ? format(item.count) : "not read";
  return node.row;
}

function signs(name, value) {
  return name === "state" ? [make("span", { class: `sign ${value}`, "aria-hidden": "true" }, wordsOf(model, name, value)[1] || "")] : [];
}

function chip(title, text, remove) {
  return make("li", {}, make("button", { type: "button", class: "chip", "aria-label": `Remove the filter ${title}: ${text}`, onclick: remove },
    `${title}: `, make("bdi", {}, text), make("span", { "aria-hidden": "true" }, " ✕")));
}

function choose(name, value, isOn) {
  change((next) => toggle(next, name, value, isOn));
}

/* Table */

function setUpTable() {
  const head = byId("head");
  head.setAttribute("aria-rowindex", "1");
  for (const [key, title] of COLUMNS) {
    const button = make("button", { type: "button", onclick: () => sortBy(key) }, title, make("span", { class: "arrow", "aria-hidden": "true" }));
    head.append(make("th", { scope: "col", class: key }, button));
  }
  byId("view").addEventListener("scroll", () => requestAnimationFrame(() => {
    scrolled = byId("view").scrollTop;
    drawRows();
  }), { passive: true });
  byId("body").addEventListener("keydown", moveWithKeys);
  addEventListener("resize", () => { measure(); drawRows(); });
  measure();
}

function sortBy(key) {
  change((next) => {
    next.descending = view.sort === key && !view.descending;
    next.sort = key;
  });
}

function showHead() {
  [...byId("head").children].forEach((cell, index) => {
    const isSorted = COLUMNS[index][0] === view.sort;
    if (isSorted) cell.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
    cell.querySelector(".arrow").textContent = isSorted ? (view.descending ? " ↓" : " ↑") : "";
  });
  byId("rows").setAttribute("aria-rowcount", found.rows.length + 1);
}

// Kept, because each reading of a style makes the browser lay the page out.
function measure() {
  rowHeight = parseInt(getComputedStyle(byId("rows")).getPropertyValue("--row"), 10);
  viewHeight = parseFloat(getComputedStyle(byId("view")).maxHeight) - byId("head").offsetHeight;
}

function drawRows() {
  const place = windowOf(scrolled, viewHeight, found.rows.length, rowHeight);
  const rows = [];
  for (let index = place.first; index < place.last; index++) rows.push(rowNode(index, index === Math.min(Math.max(active, place.first), place.last - 1)));
  const body = byId("body");
  const hadFocus = body.contains(document.activeElement);
  const below = place.height - place.space - rows.length * rowHeight;
  body.replaceChildren(spaceNode(place.space), ...rows, spaceNode(below));
  if (hadFocus) (nodeOf(active) || byId("view")).focus({ preventScroll: true });
}

function spaceNode(height) {
  const row = make("tr", { class: "space", "aria-hidden": "true" }, make("td"));
  row.style.height = `${Math.max(0, height)}px`;
  return row;
}

function nodeOf(index) {
  return byId("body").querySelector(`[aria-rowindex="${index + 2}"] .name`);
}

function rowNode(index, isStop) {
  const row = found.rows[index];
  const fields = fieldsOf(model, row);
  const link = make("button", { type: "button", class: "name", tabindex: isStop ? 0 : -1, title: fields.log_group, onclick: () => { active = index; showDetails(row); } },
    make("bdi", { class: "lines" }, fields.log_group));
  const cause = fields.cause ? [make("span", { class: "cause" }, fields.cause), " "] : [];
  return make("tr", { "aria-rowindex": index + 2, class: index % 2 ? "odd" : null },
    make("td", { class: "state" }, only("state", fields.state, make("span", { class: `badge ${fields.state}` }, ...signs("state", fields.state), labelOf(model, "state", fields.state)))),
    make("th", { scope: "row", class: "log_group" }, link, make("span", { class: "place" }, `${fields.account || fields.host} · ${fields.region}`)),
    make("td", { class: "account" }, only("account", fields.account, fields.account || fields.host)),
    make("td", { class: "region" }, only("region", fields.region, fields.region)),
    make("td", { class: "why", title: fields.reason }, make("span", { class: "lines" }, ...cause, make("bdi", {}, fields.reason))),
    make("td", { class: "since" }, fields.since.slice(0, 10)),
    make("td", { class: "means" }, fields.means.replace("_", " ")),
    make("td", { class: `others${fields.others === "none" || fields.others === "not read" ? " faint" : ""}`, title: fields.others }, make("bdi", { class: "lines" }, fields.others)));
}

function only(name, value, content) {
  return make("button", { type: "button", class: "only", tabindex: -1, title: `Only ${labelOf(model, name, value)}`, onclick: () => choose(name, value, true) }, content);
}

function moveWithKeys(event) {
  const row = event.target.closest("[aria-rowindex]");
  if (!row) return;
  const page = Math.max(1, Math.floor(viewHeight / rowHeight) - 1);
  const last = found.rows.length - 1;
  const from = Number(row.getAttribute("aria-rowindex")) - 2;
  const to = { ArrowDown: from + 1, ArrowUp: from - 1, PageDown: from + page, PageUp: from - page, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  active = Math.max(0, Math.min(last, to));
  const box = byId("view");
  const node = nodeOf(active);
  const isVisible = node && node.getBoundingClientRect().top >= byId("head").getBoundingClientRect().bottom
    && node.getBoundingClientRect().bottom <= box.getBoundingClientRect().bottom;
  if (!isVisible) {
    const distance = to > from ? viewHeight - rowHeight : 0;
    box.scrollTop = scrollTopOf(active, distance, viewHeight, found.rows.length, rowHeight);
    scrolled = box.scrollTop;
  }
  drawRows();
  nodeOf(active)?.focus({ preventScroll: true });
}

function showDetails(row) {
  const fields = fieldsOf(model, row);
  const texts = { ...fields, state: `${labelOf(model, "state", fields.state)}. ${wordsOf(model, "state", fields.state)[2]}`, change: labelOf(model, "change", fields.change) };
  byId("details-title").textContent = fields.log_group;
  byId("fields").replaceChildren(...Object.entries(FIELD_TITLES).filter(([name]) => texts[name]).map(([name, title]) =>
    make("div", {}, make("dt", {}, title), make("dd", {}, make("bdi", {}, texts[name])))));
  byId("details").showModal();
}

/* Tools */

function setUpTools() {
  byId("query").addEventListener("input", (event) => change((next) => { next.query = event.target.value; }));
  byId("clear").addEventListener("click", () => change((next) => Object.assign(next, { query: "", selected: {} })));
  byId("export").addEventListener("click", exportCsv);
  byId("details").addEventListener("click", (event) => { if (event.target === byId("details")) byId("details").close(); });
  byId("details").addEventListener("close", () => nodeOf(active)?.focus({ preventScroll: true }));
  addEventListener("hashchange", () => {
    const next = viewOf(location.hash.slice(1));
    if (next) show(next);
  });
  document.addEventListener("click", followView);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, dialog") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    byId("query").focus();
  });
  addEventListener("beforeprint", fillPrint);
  addEventListener("afterprint", () => byId("print-rows").replaceChildren());
}

// A link to a view also scrolls to the table.
function followView(event) {
  const link = event.target.closest('a[href^="#"]');
  const next = link && viewOf(link.hash.slice(1));
  if (!next || !link.hash.includes("=")) return;
  event.preventDefault();
  history.pushState(null, "", link.hash);
  show(next);
  const section = byId("log-groups");
  section.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  section.focus({ preventScroll: true });
}

function exportCsv() {
  const url = URL.createObjectURL(new Blob(["\ufeff", ...csvLines(model, found.rows, unreadTargets(model, view))], { type: "text/csv;charset=utf-8" }));
  make("a", { href: url, download: `log-groups-${timeText(model.madeAt).slice(0, 10)}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function fillPrint() {
  const rows = uncoveredRows(model, found.rows);
  const names = ["state", "log_group", "account", "region", "cause", "reason"];
  const lines = Array.from(rows.subarray(0, PRINTED_ROWS), (row) => {
    const fields = fieldsOf(model, row);
    return make("tr", {}, ...names.map((name) => make("td", {}, name === "state" ? labelOf(model, "state", fields.state) : fields[name])));
  });
  const rest = rows.length - lines.length;
  byId("print-rows").replaceChildren(
    make("h2", {}, `${plural(rows.length, "log group")} not covered or not checked${isFiltered(view) ? ", within the filters" : ""}`),
    make("table", {}, make("thead", {}, make("tr", {}, ...["State", "Log group", "Account", "Region", "Cause", "Reason"].map((title) => make("th", {}, title)))),
      make("tbody", {}, ...lines)),
    ...(rest ? [make("p", {}, `${plural(rest, "more log group")} not printed. The CSV export has all.`)] : []));
}

start();
