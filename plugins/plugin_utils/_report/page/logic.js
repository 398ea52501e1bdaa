"use strict";

// Pure functions: no document, no clock. The tests run this file by itself.

const FACETS = ["state", "cause", "account", "region", "status", "change"];
const SORT_KEYS = {
  state: ["state"],
  log_group: ["log_group"],
  account: ["account"],
  region: ["region"],
  why: ["reason", "cause"],
  since: ["since"],
  means: ["means"],
  others: ["others"],
};
// The columns of report.csv (as_csv.py).
const CSV_COLUMNS = [
  "account", "region", "host", "target_status", "log_group", "state", "cause", "reason", "means", "known_by", "since", "created",
  "others", "checked_at",
];

/* The model */

function modelOf(data) {
  const count = data.rows.log_group.length;
  const target = new Uint32Array(count);
  let first = 0;
  data.targets.rows.forEach((size, index) => {
    target.fill(index, first, first + size);
    first += size;
  });
  const columns = {};
  for (const name of ["state", "cause", "reason", "means", "known_by", "others", "change"]) {
    const column = data.rows[name];
    if (column) columns[name] = { values: column.values, codes: new Uint32Array(column.codes) };
  }
  for (const name of ["account", "region", "host", "status"]) columns[name] = columnOfTargets(data.targets[name], target);
  return {
    count, columns, target,
    words: data.words,
    madeAt: data.made_at,
    targets: data.targets,
    names: data.rows.log_group,
    lower: data.rows.log_group.map((name) => name.toLowerCase()),
    since: data.rows.since,
    created: data.rows.created,
    facets: FACETS.filter((name) => columns[name]),
    ranks: {},
  };
}

// Values of targets without a log group stay in the list: they can be chosen, and then the page says that they were not read.
function columnOfTargets(values, target) {
  const column = distinct(values);
  return { values: column.values, codes: target.map((item) => column.codes[item]) };
}

/* The view: query, filters and order. Its link is the fragment of the page's address. */

function emptyView() {
  return { query: "", sort: "state", descending: false, selected: {} };
}

function fragmentOf(view) {
  const parts = [];
  for (const name of FACETS) {
    for (const value of view.selected[name] || []) parts.push(name + "=" + encodeURIComponent(value));
  }
  if (view.query) parts.push("q=" + encodeURIComponent(view.query));
  if (view.sort !== "state" || view.descending) parts.push("sort=" + (view.descending ? "-" : "") + view.sort);
  return parts.join("&");
}

// Return the view of a fragment; null for a fragment that is none, such as the name of a section.
function viewOf(fragment) {
  const view = emptyView();
  if (!fragment) return view;
  if (!fragment.includes("=")) return null;
  for (const part of fragment.split("&")) {
    const at = part.indexOf("=");
    const name = part.slice(0, at);
    const value = decoded(part.slice(at + 1));
    if (name === "q") view.query = value;
    else if (name === "sort" && Object.hasOwn(SORT_KEYS, value.replace(/^-/, ""))) {
      view.sort = value.replace(/^-/, "");
      view.descending = value.startsWith("-");
    } else if (FACETS.includes(name)) toggle(view, name, value, true);
  }
  return view;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function toggle(view, name, value, isOn) {
  const others = (view.selected[name] || []).filter((item) => item !== value);
  view.selected[name] = isOn ? [...others, value] : others;
}

function isFiltered(view) {
  return Boolean(view.query) || FACETS.some((name) => (view.selected[name] || []).length);
}

/* Search, filter, facets */

// Return 1 for each row whose name has every word of the query; null for no query, so that nothing is compared.
function searchNames(model, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const hits = new Uint8Array(model.count);
  for (let row = 0; row < model.count; row++) {
    const name = model.lower[row];
    let at = 0;
    while (at < words.length && name.includes(words[at])) at++;
    if (at === words.length) hits[row] = 1;
  }
  return hits;
}

// Return the rows that pass, in the given order, and the counts of each facet: how many rows a value has if only the other
// filters count. A row that fails two facets is in no count, one that fails a single facet is in the counts of that one.
function filterRows(model, view, order, hits) {
  const facets = model.facets.map((name) => {
    const { values, codes } = model.columns[name];
    return { codes, counts: new Uint32Array(values.length), allowed: allowedCodes(values, view.selected[name]) };
  });
  const found = new Uint32Array(model.count);
  let size = 0;
  for (let index = 0; index < model.count; index++) {
    const row = order[index];
    if (hits && !hits[row]) continue;
    let failed = null;
    let failures = 0;
    for (const facet of facets) {
      if (facet.allowed && !facet.allowed[facet.codes[row]]) {
        failed = facet;
        if (++failures > 1) break;
      }
    }
    if (failures === 1) failed.counts[failed.codes[row]]++;
    if (failures) continue;
    found[size++] = row;
    for (const facet of facets) facet.counts[facet.codes[row]]++;
  }
  return { rows: found.subarray(0, size), counts: Object.fromEntries(model.facets.map((name, at) => [name, facets[at].counts])) };
}

// A chosen value that this report does not have allows nothing.
function allowedCodes(values, chosen) {
  if (!chosen || !chosen.length) return null;
  const allowed = new Uint8Array(values.length);
  values.forEach((value, code) => { if (chosen.includes(value)) allowed[code] = 1; });
  return allowed;
}

// Return the targets within the filters that were not read to their end: their rows are not in the table.
function unreadTargets(model, view) {
  const { account, region, status } = model.targets;
  const fits = (name, value) => !(view.selected[name] || []).length || view.selected[name].includes(value);
  return status.flatMap((value, index) =>
    value !== "read" && fits("status", value) && fits("account", account[index]) && fits("region", region[index]) ? [index] : []);
}

// Return the values of a facet for a list: in the order of the words, such as that of the states; others with chosen ones
// first, then by count. `isUnread`: a target with this value was not read, so that 0 would be untrue.
function facetItems(model, view, name, counts) {
  const values = model.columns[name].values;
  const chosen = view.selected[name] || [];
  const unread = unreadValues(model, name);
  const items = values.map((value, code) => ({ value, count: counts[code], isChosen: chosen.includes(value), isUnread: unread.has(value) }));
  for (const value of chosen) if (!values.includes(value)) items.push({ value, count: 0, isChosen: true, isUnread: false });
  const shown = items.filter((item) => item.value !== "" || item.isChosen);
  if (model.words[name]) return wordsFirst(shown, Object.keys(model.words[name]));
  return shown.sort((a, b) => b.isChosen - a.isChosen || b.count - a.count || b.isUnread - a.isUnread || compare(a.value, b.value));
}

function wordsFirst(items, words) {
  const place = (item) => (words.includes(item.value) ? words.indexOf(item.value) : words.length);
  return items.sort((a, b) => place(a) - place(b));
}

function unreadValues(model, name) {
  const values = model.targets[name];
  if (!values) return new Set();
  return new Set(values.filter((_, index) => model.targets.status[index] === "not_checked"));
}

/* Order */

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// Return the rank of each row by a key, and the number of ranks. Kept in the model, because names take long.
function ranksOf(model, key) {
  if (model.ranks[key]) return model.ranks[key];
  const column = model.columns[key] || distinct(key === "log_group" ? model.names : model[key]);
  const texts = key === "others" ? column.values.map(othersText) : column.values;
  // States are in the order of the report, the worst first.
  const sorted = key === "state" ? texts.map((_, code) => code) : texts.map((_, code) => code).sort((a, b) => compare(texts[a], texts[b]));
  const rank = new Uint32Array(sorted.length);
  sorted.forEach((code, place) => { rank[code] = place; });
  model.ranks[key] = { size: sorted.length, rows: column.codes.map((code) => rank[code]) };
  return model.ranks[key];
}

function distinct(list) {
  const index = new Map();
  const codes = new Uint32Array(list.length);
  for (let row = 0; row < list.length; row++) {
    if (!index.has(list[row])) index.set(list[row], index.size);
    codes[row] = index.get(list[row]);
  }
  return { values: [...index.keys()], codes };
}

// Return all rows in the order of the view. Rows of equal rank stay by account, region and name.
function orderOf(model, view) {
  let order = new Uint32Array(model.count);
  for (let row = 0; row < model.count; row++) order[row] = row;
  for (const key of SORT_KEYS[view.sort] || []) order = sorted(order, ranksOf(model, key), view.descending);
  return order;
}

function sorted(order, ranks, descending) {
  const rankAt = (row) => (descending ? ranks.size - 1 - ranks.rows[row] : ranks.rows[row]);
  const start = new Uint32Array(ranks.size + 1);
  for (const row of order) start[rankAt(row) + 1]++;
  for (let rank = 0; rank < ranks.size; rank++) start[rank + 1] += start[rank];
  const result = new Uint32Array(order.length);
  for (const row of order) result[start[rankAt(row)]++] = row;
  return result;
}

/* Text */

// Return label, sign and meaning of a value. A link can name any value, also one that every object has, such as "constructor".
function wordsOf(model, facet, value) {
  const words = model.words[facet];
  return words && Object.hasOwn(words, value) ? [words[value]].flat() : [];
}

function labelOf(model, facet, value) {
  return wordsOf(model, facet, value)[0] || value;
}

function fieldsOf(model, row) {
  const value = (name) => model.columns[name].values[model.columns[name].codes[row]];
  return {
    account: value("account"), region: value("region"), host: value("host"), log_group: model.names[row],
    state: value("state"), cause: value("cause"), reason: value("reason"), means: value("means"), known_by: value("known_by"),
    since: timeText(model.since[row]), created: timeText(model.created[row]), others: othersText(value("others")),
    change: model.columns.change ? value("change") : "",
  };
}

const UNREAD = "not read";

// [] was read and is empty, null was not read.
function othersText(others) {
  return others === null ? UNREAD : others.join(" ") || "none";
}

function timeText(seconds) {
  return seconds ? new Date(seconds * 1000).toISOString().replace(".000", "") : "";
}

function ageText(seconds) {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const [unit, size] = units.find(([, length]) => seconds >= length * 2) || units[2];
  const count = Math.max(0, Math.floor(seconds / size));
  return count ? `${count} ${unit}${count === 1 ? "" : "s"} ago` : "just now";
}

function csvCell(value) {
  // A spreadsheet takes text that begins so for a formula.
  const text = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? "'" + value : value;
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

// Yield the lines: first the targets that were not read to their end, then the rows.
function* csvLines(model, rows, unread) {
  yield CSV_COLUMNS.join(",") + "\r\n";
  for (const target of unread) yield csvLine(unreadFields(model, target));
  for (const row of rows) yield csvLine(csvFields(model, row));
}

function csvLine(fields) {
  return CSV_COLUMNS.map((name) => csvCell(fields[name] || "")).join(",") + "\r\n";
}

function csvFields(model, row) {
  const fields = fieldsOf(model, row);
  const target = model.target[row];
  return {
    ...fields,
    target_status: model.targets.status[target],
    checked_at: timeText(model.targets.checked_at[target]),
    others: fields.others === UNREAD ? "" : fields.others,
  };
}

function unreadFields(model, target) {
  const { account, region, host, status, error, checked_at } = model.targets;
  const what = status[target] === "not_checked" ? "the target was not read" : "the target was not read to its end";
  return {
    account: account[target], region: region[target], host: host[target], target_status: status[target], state: "not_checked",
    reason: error[target] ? `${what}: ${error[target]}` : what, checked_at: timeText(checked_at[target]),
  };
}

/* Virtual scroll */

// Browsers limit the height of an element. Above this one, a pixel of the scroll bar is more than a pixel of the table.
const MAX_HEIGHT = 8000000;
const MARGIN_ROWS = 6;

// Return the rows to draw, the height of the whole, and the space above the drawn rows.
function windowOf(scrollTop, viewHeight, count, rowHeight) {
  const full = count * rowHeight;
  const height = Math.min(full, MAX_HEIGHT);
  const shown = Math.ceil(viewHeight / rowHeight);
  const top = full <= MAX_HEIGHT ? scrollTop : (scrollTop / Math.max(1, height - viewHeight)) * (full - viewHeight);
  const inView = Math.max(0, Math.min(Math.floor(top / rowHeight), count - shown));
  const first = Math.max(0, inView - MARGIN_ROWS);
  const last = Math.min(count, inView + shown + MARGIN_ROWS);
  const space = Math.max(0, Math.min(height - (last - first) * rowHeight, scrollTop - (top - first * rowHeight)));
  return { first, last, height, space };
}

// Return the scroll position that shows a row at the given distance from the top of the view.
function scrollTopOf(row, distance, viewHeight, count, rowHeight) {
  const full = count * rowHeight;
  const top = Math.max(0, Math.min(row * rowHeight - distance, full - viewHeight));
  return full <= MAX_HEIGHT ? top : (top / (full - viewHeight)) * (MAX_HEIGHT - viewHeight);
}

/* Print */

const UNCOVERED = ["broken", "missing", "impossible", "not_checked"];

function uncoveredRows(model, rows) {
  const { values, codes } = model.columns.state;
  return rows.filter((row) => UNCOVERED.includes(values[codes[row]]));
}
