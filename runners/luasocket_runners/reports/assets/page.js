"use strict";
// Draws the page from the JSON in #data.
//
// The law here: text of the data goes into text nodes and attributes that hold no code (`make`, `textContent`); there is
// no innerHTML, and an address becomes a link only when it begins with http:// or https://.
//
// The data (page.py writes it):
//   verdicts    the words for people; a verdict is its place in this list
//   conforming  the verdicts that a conforming port has
//   columns     the runs: label, about, …; codes: a character for each row, "-" or the digit of a verdict;
//               milliseconds: for each row; details: by the number of the row, what there is to tell
//   rows        the behaviours: id, about, says, source, lua (places in parts), perhaps cites, hint, disagrees, dialect
//   parts       what the Lua scripts are put together from, with empty lines between
//
// Thousands of behaviours on many ports are drawn as they are opened: a subject's rows when it is, an entry when it is.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const {verdicts, columns, rows, parts} = data;
  const several = columns.length > 1;
  const NOT_PLAYED = "-";
  const SIGNS = {passed: "✓", failed: "✗", "not implemented": "∅", errored: "!", skipped: "–", "known deviation": "≠", flaky: "~"};
  // Rows of one subject that are drawn at once; the others follow on demand. More than that takes a phone seconds.
  const ROWS_AT_ONCE = 300;
  // With a search or filter, subjects are opened by themselves up to so many rows in all, for the same reason.
  const OPENED_ROWS = 150;

  const byId = (id) => document.getElementById(id);
  const deviates = (verdict) => !data.conforming.includes(verdict);
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
    return code === NOT_PLAYED ? null : Number(code);
  };
  const counts = columns.map((column) => {
    const found = verdicts.map(() => 0);
    for (const code of column.codes) if (code !== NOT_PLAYED) found[Number(code)] += 1;
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
    for (const told of Object.values(column.details)) if (told.follows) follows[told.follows] = (follows[told.follows] || 0) + 1;
    const facts = {
      dialect: column.dialect,
      "held to": column.authority || "either, where documentation and library part",
      follows: Object.entries(follows).sort().map(([side, count]) => `${side} ${count}×`).join(", "),
      specification: column.spec,
      program: column.program,
      capabilities: column.capabilities.join(", "),
      machine: column.machine,
      began: column.started.replace("T", " ").replace("Z", " UTC"),
      took: `${column.seconds.toFixed(1)} s`,
    };
    const outcome = column.conforms ? "conforms" : "deviates";
    return make("article", {class: "port"},
      make("h2", {}, make("span", {}, column.label),
        make("span", {class: `outcome verdict ${column.conforms ? "passed" : "failed"}`}, outcome)),
      make("p", {}, column.about),
      bar, list,
      make("details", {}, make("summary", {}, `${total} behaviours, ${column.dialect}`),
        make("dl", {}, ...Object.entries(facts).filter(([, value]) => value)
          .flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]))));
  }

  // -- entries

  function factList(pairs) {
    const list = make("dl", {class: "facts"});
    for (const [key, ...value] of pairs) list.append(make("dt", {}, key), make("dd", {}, ...value));
    return list;
  }

  // What came of a behaviour, the columns with the same result together.
  function outcomes(place) {
    const groups = new Map();
    columns.forEach((column, index) => {
      const verdict = verdictAt(column, place);
      const told = column.details[place] || {};
      const key = JSON.stringify([verdict, told]);
      if (!groups.has(key)) groups.set(key, {verdict, told, on: []});
      groups.get(key).on.push(index);
    });
    return [...groups.values()];
  }

  function outcome({verdict, told, on}, row) {
    const word = verdict === null ? "not played" : verdicts[verdict];
    const box = make("section", {class: styled(word)});
    const names = on.map((index) => {
      const took = columns[index].milliseconds[placeOf.get(row.id)];
      return columns[index].label + (took === null ? "" : ` (${took} ms)`);
    });
    box.append(make("h3", {}, make("span", {class: "verdict"}, word), make("span", {class: "on"}, ` on ${names.join("; ")}`)));
    if (verdict === null) {
      const other = row.dialect && on.every((index) => columns[index].dialect !== row.dialect);
      box.append(make("p", {class: "quiet"}, other ? `It is only for the dialect ${row.dialect}.` :
        "It was not selected, or is not in the specification that was played."));
      return box;
    }
    if (told.listed) {
      const {kind, reason, place, explained} = told.listed;
      const heading = explained ? (kind === "flaky" ? "Flaky: " : "Known deviation: ") : "Not explained yet: ";
      box.append(make("p", {class: explained ? "note" : "note unexplained"}, make("b", {}, heading),
        ...linked(explained ? reason : reason.replace(/^UNEXPLAINED:?\s*/, "")), make("span", {class: "quiet"}, ` (${place})`)));
    }
    if (told.preparing) box.append(make("p", {class: "quiet"}, `While preparing: ${told.preparing}`));
    if (told.doing) box.append(make("pre", {class: "call"}, told.doing));
    if (told.expected !== undefined || told.returned !== undefined) {
      const sides = make("div", {class: "sides"});
      // an error raised, or what a peer saw, is marked: see `answer` in result.py
      const [, mark, came] = /^(error: |seen: )?([^]*)$/.exec(told.returned || "");
      const heading = {"error: ": "raised", "seen: ": "seen"}[mark] || "returned";
      const side = (style, heading, text) =>
        make("div", {class: style}, make("h4", {}, heading), make("pre", {}, text));
      if (told.expected !== undefined) sides.append(side("passed", "expected", told.expected));
      if (told.returned !== undefined) sides.append(side(styled(word), heading, came));
      box.append(sides);
    }
    if (told.reason) box.append(make("p", {class: "reason"}, told.reason));
    if (told.note) box.append(make("p", {class: "quiet"}, told.note));
    if (told.follows && row.disagrees) box.append(make("p", {class: "quiet"}, `It follows what is ${told.follows}.`));
    if (told.printed) box.append(make("p", {class: "quiet"}, "The port printed:"), make("pre", {class: "printed"}, told.printed));
    if (told.where) box.append(make("p", {class: "quiet"}, "Step: ", make("code", {}, told.where)));
    return box;
  }

  function copyButton(text, words) {
    const button = make("button", {type: "button"}, words);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        button.textContent = "This browser does not let us copy"; // from a file, or without permission
      }
      setTimeout(() => { button.textContent = words; }, 2000);
    });
    return button;
  }

  // A script: what every script begins with is folded away, so that the behaviour itself is what one sees.
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

  // The parts that are in every fifth script or more, where there are enough scripts to tell.
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
    facts.push(row.cites ? ["documented", make("code", {}, row.cites.join(", "))] : ["observed", "Every real LuaSocket does it."]);
    if (row.disagrees) {
      const {documented, observed, since, issues} = row.disagrees;
      facts.push(["documentation says", documented], ["LuaSocket does", observed + (since ? ` (since ${since})` : "")]);
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

  // What deviates first, then what is listed, what was skipped, what passed, what was not played.
  function rank({verdict, told}) {
    if (verdict === null) return 4;
    if (deviates(verdict)) return 0;
    if (told.listed) return 1;
    return verdicts[verdict] === "passed" ? 3 : 2;
  }

  // -- rows and subjects

  function cell(column, place) {
    const verdict = verdictAt(column, place);
    const word = verdict === null ? "not played" : verdicts[verdict];
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
      return verdict !== null && deviates(verdict);
    })).length;
    const box = make("span", {class: "tally"});
    if (bad) box.append(make("span", {class: "verdict failed"}, `${bad} deviate${bad === 1 ? "s" : ""}`), ", ");
    box.append(places.length === total ? `${total}` : `${places.length} of ${total}`);
    return box;
  }

  // The element of a subject, with those of its rows that are to be shown.
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
  const search = byId("search");
  const port = byId("port");
  let texts = null; // what the search looks through, a string for each row; made when it is first needed
  let boxes = new Map();

  function searchable() {
    texts ??= rows.map((row, place) => [row.id, row.says, row.hint, ...(row.cites || ["observed"]),
      ...columns.flatMap(({details}) => {
        const told = details[place];
        return told ? [told.reason, told.doing, told.expected, told.returned, told.note, told.printed, told.listed?.reason] : [];
      })].join("\n").toLowerCase());
    return texts;
  }

  function visible() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const looked = port.value === "" ? columns : [columns[Number(port.value)]];
    const found = words.length ? searchable() : null;
    return (place) => (!words.length || words.every((word) => found[place].includes(word))) &&
      (!chosen.size || looked.some((column) => {
        const verdict = verdictAt(column, place);
        return verdict !== null && chosen.has(verdict);
      }));
  }

  function refresh() {
    const shows = visible();
    const narrowed = chosen.size > 0 || search.value.trim() !== "";
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
    byId("shown").textContent = narrowed ? (count ? `${count} of ${rows.length} behaviours` : "No behaviour is like that.") :
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

  function clearFilters() {
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
      return; // not a link of ours
    }
    const place = placeOf.get(id);
    if (place === undefined) return;
    const holds = ([, box]) => box.places.includes(place);
    if (![...boxes].some(holds)) clearFilters(); // what is filtered out could not be shown
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

  document.documentElement.style.setProperty("--columns", columns.length);
  document.body.classList.toggle("several", several);
  byId("about").textContent = (several ? `${columns.length} runs, ${columns.filter((column) => column.conforms).length} of them conform. ` :
    `${columns[0].label} ${columns[0].conforms ? "conforms" : "deviates"}. `) +
    (data.specs.length > 1 ? `They played different versions of the specification: ${data.specs.join(", ")}.` : `Specification ${data.specs[0]}.`);
  document.title = several ? document.title : `${columns[0].label}: ${document.title}`;
  byId("ports").append(...columns.map(portCard));
  byId("bottom").textContent = `Made by luasocket-conformance ${[...new Set(columns.map(({program}) => program))].join(", ")}.`;
  port.append(make("option", {value: ""}, "any"), ...columns.map((column, place) => make("option", {value: String(place)}, column.label)));
  byId("port-label").hidden = !several;
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
