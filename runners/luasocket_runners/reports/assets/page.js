"use strict";
// Draws the page from the JSON in #data.
//
// Text of the data goes into text nodes and attributes without code only (`make`, `textContent`); innerHTML is not used,
// and an address becomes a link only if it begins with http:// or https://.
//
// The data (page.py writes it):
//   verdicts    the words for people; a verdict is an index into this list
//   conforming  the verdicts of a port without undeclared differences
//   columns     the runs: label, about, …; causes and quirks, with the indices of their rows; codes: a character for each row, "-" or the digit of a verdict;
//               milliseconds: for each row; details: of a result, by the index of the row
//   rows        the behaviours: id, about, says, source, lua (indices of parts), perhaps covers, hint, disagrees, dialect
//   parts       the parts of the Lua scripts, which are joined by an empty line
//
// Thousands of behaviours on many ports are drawn on demand: the rows of a subject, and an entry, when they are opened.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const {verdicts, columns, rows, parts} = data;
  const several = columns.length > 1;
  const NOT_RUN = "-";
  const SIGNS = {passed: "✓", "passed with quirks": "≈", absent: "∅", failed: "✗", "not implemented": "✗", errored: "!", skipped: "–", "known deviation": "≠", flaky: "~", "not tried": "…"};
  // Rows of one subject that are drawn at once; the others follow on demand. More would take a phone seconds.
  const ROWS_AT_ONCE = 300;
  // With a search or filter, subjects are opened automatically up to this many rows in all, for the same reason.
  const OPENED_ROWS = 150;

  // The style of each conclusion, the best one first.
  const CONCLUSIONS = {conforms: "passed", "as declared": "declared", incomplete: "skipped", fails: "failed"};

  const byId = (id) => document.getElementById(id);
  const fails = (verdict) => !data.conforming.includes(verdict);
  const styled = (word) => word.replaceAll(" ", "-");

  // Makes an element; attributes are set, children are elements or text.
  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  // Text in which addresses are links.
  function linked(text) {
    return text.split(/(https?:\/\/[^\s<>"'()]*[^\s<>"'().,;:!?])/).map((piece, place) =>
      place % 2 ? make("a", {href: piece, rel: "noopener noreferrer nofollow"}, piece) : piece);
  }

  const verdictAt = (column, row) => {
    const code = column.codes[row];
    return code === NOT_RUN ? null : Number(code);
  };
  const counts = columns.map((column) => {
    const found = verdicts.map(() => 0);
    for (const code of column.codes) if (code !== NOT_RUN) found[Number(code)] += 1;
    return found;
  });

  // The subjects are the specification's files: "behaviours/tcp/receive.yaml:12" is about tcp/receive.
  const subjects = new Map();
  rows.forEach((row, place) => {
    const name = row.source.replace(/^behaviours\//, "").replace(/\.ya?ml:\d+$/, "");
    if (!subjects.has(name)) subjects.set(name, []);
    subjects.get(name).push(place);
  });
  const placeOf = new Map(rows.map((row, place) => [row.id, place]));

  // -- ports

  function portCard(column, place) {
    const found = counts[place];
    const total = found.reduce((sum, count) => sum + count, 0);
    const bar = make("div", {class: "bar", "aria-hidden": "true"});
    const list = make("ul", {class: "counts"});
    verdicts.forEach((word, verdict) => {
      if (!found[verdict]) return;
      const part = make("i", {class: styled(word)});
      part.style.flexGrow = found[verdict];
      bar.append(part);
      const unexplained = word !== "known deviation" ? 0 : Object.values(column.details).filter(({listed}) => listed && !listed.explained).length;
      list.append(make("li", {class: styled(word)}, make("span", {class: "verdict"}, `${found[verdict]}`),
        ` ${word}${unexplained ? ` (${unexplained} not explained)` : ""}`));
    });
    const follows = {};
    for (const details of Object.values(column.details)) if (details.follows) follows[details.follows] = (follows[details.follows] || 0) + 1;
    const facts = {
      dialect: column.dialect,
      "accepted reading": column.authority || "either",
      follows: Object.entries(follows).sort().map(([reading, count]) => `${reading} ${count}×`).join(", "),
      specification: column.spec,
      program: column.program,
      capabilities: column.capabilities.join(", "),
      machine: column.machine,
      started: column.started.replace("T", " ").replace("Z", " UTC"),
      duration: `${column.seconds.toFixed(1)} s`,
    };
    return make("article", {class: "port"},
      make("h2", {}, make("span", {}, column.label),
        make("span", {class: `outcome verdict ${CONCLUSIONS[column.conclusion]}`}, column.conclusion)),
      make("p", {}, column.about),
      column.phrase === column.conclusion ? "" : make("p", {class: "phrase"}, column.phrase),
      bar, list,
      make("details", {}, make("summary", {}, `${total} behaviours, ${column.dialect}`),
        make("dl", {}, ...Object.entries(facts).filter(([, value]) => value)
          .flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]))));
  }

  // A list of causes or of quirks of a run; each shows its behaviours.
  function rules(column, heading, items, words) {
    if (!items.length) return null;
    const list = make("ol", {class: "rules"});
    for (const item of items) {
      const button = make("button", {type: "button", title: "Show these behaviours"}, `${item.rows.length}`);
      button.addEventListener("click", () => only(item.rows, `${column.label}: ${words(item)}`));
      list.append(make("li", {}, button, " ", make("span", {}, words(item)),
        item.why ? make("span", {class: "quiet"}, " ", ...linked(item.why)) : ""));
    }
    return make("details", {class: "triage", open: heading === "causes"}, make("summary", {}, `${items.length} ${items.length === 1 ? heading.slice(0, -1) : heading}`), list);
  }

  function triage() {
    for (const column of columns) {
      const causes = rules(column, "causes", column.causes, (cause) => cause.title);
      const quirks = rules(column, "quirks", column.quirks, (quirk) => quirk.says);
      if (causes || quirks) byId("triage").append(make("section", {}, make("h2", {}, column.label), causes ?? "", quirks ?? ""));
    }
  }

  // -- entries

  function factList(pairs) {
    const list = make("dl", {class: "facts"});
    for (const [key, ...value] of pairs) list.append(make("dt", {}, key), make("dd", {}, ...value));
    return list;
  }

  // The results of a behaviour, the columns with the same result together.
  function outcomes(place) {
    const groups = new Map();
    columns.forEach((column, index) => {
      const verdict = verdictAt(column, place);
      const details = column.details[place] || {};
      const key = JSON.stringify([verdict, details]);
      if (!groups.has(key)) groups.set(key, {verdict, details, on: []});
      groups.get(key).on.push(index);
    });
    return [...groups.values()];
  }

  function outcome({verdict, details, on}, row) {
    const word = verdict === null ? "not run" : verdicts[verdict];
    const box = make("section", {class: styled(word)});
    const names = on.map((index) => {
      const took = columns[index].milliseconds[placeOf.get(row.id)];
      return columns[index].label + (took === null ? "" : ` (${took} ms)`);
    });
    box.append(make("h3", {}, make("span", {class: "verdict"}, word), make("span", {class: "on"}, ` on ${names.join("; ")}`)));
    if (verdict === null) {
      const other = row.dialect && on.every((index) => columns[index].dialect !== row.dialect);
      box.append(make("p", {class: "quiet"}, other ? `It is only for the dialect ${row.dialect}.` :
        "It was not selected, or this run's specification does not have it."));
      return box;
    }
    if (details.listed) {
      const {kind, reason, place, explained} = details.listed;
      const heading = explained ? {flaky: "Flaky: ", known: "Known deviation: ", absent: "Declared absent: "}[kind] : "Not explained yet: ";
      box.append(make("p", {class: explained ? "note" : "note unexplained"}, make("b", {}, heading),
        ...linked(explained ? reason : reason.replace(/^UNEXPLAINED:?\s*/, "")), make("span", {class: "quiet"}, ` (${place})`)));
    }
    if (details.fixture) box.append(make("p", {class: "quiet"}, `While setting up the fixture: ${details.fixture}`));
    if (details.call) box.append(make("pre", {class: "call"}, details.call));
    if (details.expected !== undefined || details.returned !== undefined) {
      const sides = make("div", {class: "sides"});
      // an error that was raised, or an observation of a peer, is marked: see `outcome_label` in result.py
      const [, mark, came] = /^(error: |seen: )?([^]*)$/.exec(details.returned || "");
      const heading = {"error: ": "raised", "seen: ": "seen"}[mark] || "returned";
      const side = (style, heading, text) =>
        make("div", {class: style}, make("h4", {}, heading), make("pre", {}, text));
      if (details.expected !== undefined) sides.append(side("passed", "expected", details.expected));
      if (details.returned !== undefined) sides.append(side(styled(word), heading, came));
      box.append(sides);
    }
    if (details.quirks) box.append(make("p", {class: "quiet"}, `Quirks: ${details.quirks.join(", ")}`));
    if (details.reason) box.append(make("p", {class: "reason"}, details.reason));
    if (details.note) box.append(make("p", {class: "quiet"}, details.note));
    if (details.follows && row.disagrees) box.append(make("p", {class: "quiet"}, `It follows the ${details.follows} reading.`));
    if (details.printed) box.append(make("p", {class: "quiet"}, "Printed by the port:"), make("pre", {class: "printed"}, details.printed));
    if (details.at) box.append(make("p", {class: "quiet"}, "Step: ", make("code", {}, details.at)));
    return box;
  }

  function copyButton(text, words) {
    const button = make("button", {type: "button"}, words);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        button.textContent = "This browser does not allow copying"; // from a file, or without permission
      }
      setTimeout(() => { button.textContent = words; }, 2000);
    });
    return button;
  }

  // A script. Its first part, which all scripts share, is folded away.
  function script(row) {
    const joined = (from, to) => row.lua.slice(from, to).map((part) => parts[part]).join("\n\n");
    const shown = (text) => make("pre", {tabindex: "0", "aria-label": "Lua script"}, text);
    let end = 1;
    while (end < row.lua.length - 1 && helpers().has(row.lua[end])) end += 1;
    const pieces = end === 1 ? [shown(joined(0))] : [shown(joined(0, 1)),
      make("details", {class: "helpers"}, make("summary", {}, "helpers, the same in every script"), shown(joined(1, end))),
      shown(joined(end))];
    return [...pieces, copyButton(joined(0) + "\n", "Copy the whole script")];
  }

  // The parts that every fifth script has, if there are enough scripts to know.
  let helpersFound = null;
  function helpers() {
    if (!helpersFound) {
      const uses = new Map();
      for (const row of rows) for (const part of new Set(row.lua)) uses.set(part, (uses.get(part) || 0) + 1);
      helpersFound = new Set([...uses].filter(([, count]) => count >= Math.max(10, rows.length / 5)).map(([part]) => part));
    }
    return helpersFound;
  }

  function entry(place) {
    const row = rows[place];
    const box = make("div", {class: "entry"});
    box.append(...outcomes(place).sort((a, b) => rank(a) - rank(b)).map((group) => outcome(group, row)));
    const facts = [];
    if (row.hint) facts.push(["hint", row.hint]);
    facts.push(row.covers ? ["covers", make("code", {}, row.covers.join(", "))] : ["observed", "Every real LuaSocket of this dialect does it."]);
    if (row.disagrees) {
      const {documented, observed, since, issues} = row.disagrees;
      facts.push(["documented", documented], ["observed", observed + (since ? ` (since ${since})` : "")]);
      if (issues.length) {
        const links = issues.flatMap((number) => [make("a", {href: `https://github.com/lunarmodules/luasocket/issues/${number}`, rel: "noopener noreferrer"}, `#${number}`), " "]);
        facts.push(["issues", ...links]);
      }
    }
    if (row.dialect) facts.push(["dialect", `only ${row.dialect}`]);
    facts.push(["specification", make("code", {}, row.source)]);
    box.append(make("h3", {}, "The behaviour"), make("p", {}, row.says), factList(facts));
    const lua = make("details", {class: "lua"}, make("summary", {}, "Lua script"));
    lua.addEventListener("toggle", () => {
      if (lua.open && lua.children.length === 1) lua.append(...script(row));
    });
    const command = `luasocket-conformance show ${row.id} --as lua > repro.lua`;
    box.append(lua, make("div", {class: "tools"}, make("a", {href: `#${encodeURI(row.id)}`}, "Link to this"),
      make("code", {}, command), copyButton(command, "Copy")));
    return box;
  }

  // Failures first, then the declared, the skipped, the passed and those that were not run.
  function rank({verdict, details}) {
    if (verdict === null) return 4;
    if (fails(verdict)) return 0;
    if (details.listed) return 1;
    return verdicts[verdict] === "passed" ? 3 : 2;
  }

  // -- rows and subjects

  function cell(column, place) {
    const verdict = verdictAt(column, place);
    const word = verdict === null ? "not run" : verdicts[verdict];
    const words = `${column.label}: ${word}`;
    return make("span", {class: `cell ${styled(word)}`, title: words},
      make("span", {"aria-hidden": "true"}, verdict === null ? "·" : SIGNS[word]), make("span", {class: "sr"}, ` ${words}.`));
  }

  function behaviour(subject, place) {
    const row = rows[place];
    const name = row.id.startsWith(subject + "/") ? row.id.slice(subject.length + 1) : row.id;
    const box = make("details", {class: "behaviour", id: row.id},
      make("summary", {}, make("span", {class: "what"}, make("span", {class: "name"}, name), make("span", {class: "says"}, row.says)),
        ...columns.map((column) => cell(column, place))));
    box.addEventListener("toggle", () => {
      if (box.open && box.children.length === 1) box.append(entry(place));
    });
    return box;
  }

  function tally(places, total) {
    const bad = places.filter((place) => columns.some((column) => {
      const verdict = verdictAt(column, place);
      return verdict !== null && fails(verdict);
    })).length;
    const box = make("span", {class: "tally"});
    if (bad) box.append(make("span", {class: "verdict failed"}, `${bad} ${bad === 1 ? "fails" : "fail"}`), ", ");
    box.append(places.length === total ? `${total}` : `${places.length} of ${total}`);
    return box;
  }

  // The element of a subject, with the rows that are shown.
  function subjectBox(name, places) {
    const total = subjects.get(name).length;
    const box = make("details", {class: "subject"}, make("summary", {}, make("h2", {}, name), make("span", {class: "about"}, rows[places[0]].about), tally(places, total)));
    box.fill = () => {
      if (box.children.length > 1) return;
      if (several) {
        const heads = columns.map((column) => make("span", {title: column.label}, column.label));
        box.append(make("div", {class: "heads", "aria-hidden": "true"}, make("b", {}), ...heads));
      }
      box.drawn = 0;
      box.draw(ROWS_AT_ONCE);
    };
    box.draw = (count) => {
      box.querySelector(":scope > .more")?.remove();
      const upTo = Math.min(places.length, box.drawn + count);
      const pieces = document.createDocumentFragment();
      for (; box.drawn < upTo; box.drawn += 1) pieces.append(behaviour(name, places[box.drawn]));
      box.append(pieces);
      if (box.drawn < places.length) {
        const more = make("button", {type: "button"}, `Show ${places.length - box.drawn} more`);
        more.addEventListener("click", () => box.draw(Infinity));
        box.append(make("div", {class: "more"}, more));
      }
    };
    box.addEventListener("toggle", () => { if (box.open) box.fill(); });
    box.places = places;
    return box;
  }

  // -- search and filter

  const chosen = new Set();
  let kept = null; // the rows of a cause or quirk that was chosen, or all
  const search = byId("search");
  const port = byId("port");
  let texts = null; // for the search, a string for each row; made when it is first needed
  let boxes = new Map();

  function searchable() {
    texts ??= rows.map((row, place) => [row.id, row.says, row.hint, ...(row.covers || ["observed"]),
      ...columns.flatMap((column) => {
        const details = column.details[place];
        return details ? [details.reason, details.call, details.expected, details.returned, details.note, details.printed, details.listed?.reason] : [];
      })].join("\n").toLowerCase());
    return texts;
  }

  function visible() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const looked = port.value === "" ? columns : [columns[Number(port.value)]];
    const found = words.length ? searchable() : null;
    return (place) => (kept === null || kept.has(place)) && (!words.length || words.every((word) => found[place].includes(word))) &&
      (!chosen.size || looked.some((column) => {
        const verdict = verdictAt(column, place);
        return verdict !== null && chosen.has(verdict);
      }));
  }

  function refresh() {
    const shows = visible();
    const narrowed = kept !== null || chosen.size > 0 || search.value.trim() !== "";
    const pieces = document.createDocumentFragment();
    boxes = new Map();
    let count = 0;
    for (const [name, places] of subjects) {
      const left = narrowed ? places.filter(shows) : places;
      if (!left.length) continue;
      const box = subjectBox(name, left);
      if (narrowed && count + left.length <= OPENED_ROWS) {
        box.open = true;
        box.fill(); // at once: the event of opening comes later
      }
      count += left.length;
      boxes.set(name, box);
      pieces.append(box);
    }
    byId("subjects").replaceChildren(pieces);
    byId("shown").textContent = narrowed ? (count ? `${count} of ${rows.length} behaviours` : "No behaviour matches.") :
      `${rows.length} behaviours in ${subjects.size} subjects`;
  }

  function filterButtons() {
    const total = verdicts.map((_, verdict) => rows.filter((_, place) => columns.some((column) => verdictAt(column, place) === verdict)).length);
    verdicts.forEach((word, verdict) => {
      if (!total[verdict]) return;
      const button = make("button", {type: "button", class: styled(word), "aria-pressed": "false"},
        make("b", {"aria-hidden": "true"}, `${SIGNS[word]} `), `${word} ${total[verdict]}`);
      button.addEventListener("click", () => {
        if (!chosen.delete(verdict)) chosen.add(verdict);
        button.setAttribute("aria-pressed", String(chosen.has(verdict)));
        refresh();
      });
      byId("filters").append(button);
    });
  }

  // Shows these rows only, until the filters are cleared.
  function only(places, words) {
    clearFilters();
    kept = new Set(places);
    byId("kept").replaceChildren(words, " ", clearButton);
    byId("kept").hidden = false;
    refresh();
    byId("controls").scrollIntoView();
  }

  const clearButton = make("button", {type: "button"}, "Show all");
  clearButton.addEventListener("click", () => clearFilters());

  function clearFilters() {
    kept = null;
    byId("kept").hidden = true;
    chosen.clear();
    search.value = "";
    for (const button of byId("filters").children) button.setAttribute("aria-pressed", "false");
    refresh();
  }

  // -- links to entries

  function openLinked() {
    let id;
    try {
      id = decodeURIComponent(location.hash.slice(1));
    } catch {
      return; // not a link of this page
    }
    const place = placeOf.get(id);
    if (place === undefined) return;
    const holds = ([, box]) => box.places.includes(place);
    if (![...boxes].some(holds)) clearFilters(); // otherwise it could not be shown
    const [, subject] = [...boxes].find(holds);
    subject.open = true;
    subject.fill();
    while (!byId(id)) subject.draw(ROWS_AT_ONCE);
    const box = byId(id);
    box.open = true;
    if (box.children.length === 1) box.append(entry(place));
    box.scrollIntoView();
    box.querySelector("summary").focus({preventScroll: true});
  }

  // -- the page

  // The conclusions of several runs, with their numbers.
  function tallied() {
    return Object.keys(CONCLUSIONS).map((word) => [word, columns.filter(({conclusion}) => conclusion === word).length])
      .filter(([, count]) => count).map(([word, count]) => `${count} ${word}`).join(", ");
  }

  document.documentElement.style.setProperty("--columns", columns.length);
  document.body.classList.toggle("several", several);
  byId("about").textContent = (several ? `${columns.length} runs: ${tallied()}. ` : `${columns[0].label}: ${columns[0].phrase}. `) +
    (data.specs.length > 1 ? `They have different versions of the specification: ${data.specs.join(", ")}.` : `Specification ${data.specs[0]}.`);
  document.title = several ? document.title : `${columns[0].label}: ${document.title}`;
  byId("ports").append(...columns.map(portCard));
  byId("bottom").textContent = `Made by luasocket-conformance ${[...new Set(columns.map(({program}) => program))].join(", ")}.`;
  port.append(make("option", {value: ""}, "any"), ...columns.map((column, place) => make("option", {value: String(place)}, column.label)));
  byId("port-label").hidden = !several;
  triage();
  filterButtons();
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 120); // a pause in typing: drawing after each key would lag behind the keys
  });
  port.addEventListener("change", refresh);
  byId("controls").addEventListener("submit", (event) => { event.preventDefault(); refresh(); });
  byId("controls").hidden = false;
  refresh();
  window.addEventListener("hashchange", openLinked);
  window.addEventListener("load", openLinked); // not before: the browser looks for the link's target itself, and takes the focus
})();
