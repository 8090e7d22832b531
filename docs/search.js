// Ranks the results of a search, in place of Sphinx's ranking.
//
// Sphinx finds pages that have all words, and nearly all pages of a behaviour's file have many. Here a rare word counts more than a
// frequent one, a title more than the text, and a page about a function or a question more than a list of behaviours; a page that
// lacks a word comes later instead of not at all.
if (typeof Search !== "undefined") {
  const SHOWN = 20;
  const IN_TITLE = 3;
  // A heading that so many pages have, such as "At a glance", says nothing about them.
  const REPEATED = 3;
  const weight = (name) => {
    if (name === "questions") return 1.1;
    if (/^(functions|topics)\//.test(name)) return /index$/.test(name) ? 0.5 : 1;
    if (name === "errors") return 0.8;
    if (/^(behaviours|ports)\//.test(name)) return 0.35;
    return 0.5;
  };

  const listed = (value) => (value === undefined ? [] : [].concat(value));

  Search._performSearch = (query, searchTerms) => {
    const index = Search._index;
    const stemmer = new Stemmer();
    const synonyms = new Map(
      Object.entries(WORDS.synonyms).map(([name, others]) => [stemmer.stemWord(name), others.map((other) => stemmer.stemWord(other))]),
    );
    const stems = (text) => new Set(splitQuery(text.toLowerCase()).map((word) => stemmer.stemWord(word)));

    // The pages that have a word, or a word that begins like it where none has it.
    const pages = (word) => {
      const found = new Set();
      for (const table of [index.terms, index.titleterms]) {
        const exact = Object.hasOwn(table, word) ? [word] : [];
        for (const name of exact) listed(table[name]).forEach((page) => found.add(page));
      }
      if (found.size === 0 && word.length > 2)
        for (const table of [index.terms, index.titleterms])
          for (const name of Object.keys(table))
            if (name.startsWith(word)) listed(table[name]).forEach((page) => found.add(page));
      return found;
    };

    const empty = new Set(WORDS.empty.map((word) => stemmer.stemWord(word)));
    const asked = [...searchTerms].filter((word) => !empty.has(word));
    const words = asked.map((word) => {
      const same = [word, ...(synonyms.get(word) ?? [])];
      const found = new Set(same.flatMap((name) => [...pages(name)]));
      return { same, found, rarity: found.size ? Math.log(1 + index.docnames.length / found.size) : 0 };
    });
    const all = words.reduce((sum, word) => sum + word.rarity, 0);
    if (all === 0) {
      _removeChildren(document.getElementById("search-progress"));
      return [];
    }
    const within = (word, set) => word.same.some((name) => set.has(name) || [...set].some((other) => name.length > 3 && other.startsWith(name)));

    // A page is as good as the rare words that it has; lacking some counts twice, because the others then mean less.
    const best = new Map();
    const offer = (page, heading, anchor, titled) => {
      const set = stems(heading);
      let sum = 0;
      let share = 0;
      let hits = 0;
      for (const word of words) {
        const hit = within(word, set);
        if (hit) hits += 1;
        if (!hit && !(titled && word.found.has(page))) continue;
        sum += word.rarity * (hit ? IN_TITLE : 1);
        share += word.rarity;
      }
      const focus = set.size ? 0.6 + (0.4 * hits) / set.size : 0;
      const score = sum * (share / all) ** 2 * focus * weight(index.docnames[page]);
      // Each question is a result of its own; of other pages, the best part.
      const key = index.docnames[page] === "questions" ? `${page}${anchor}` : page;
      if (score > 0 && score > (best.get(key)?.[4] ?? 0)) {
        const title = anchor ? `${index.titles[page]} > ${heading}` : heading;
        best.set(key, [index.docnames[page], title, anchor, null, score, index.filenames[page], anchor ? "title" : "text"]);
      }
    };

    index.titles.forEach((title, page) => {
      if (index.docnames[page] !== "questions") offer(page, title, "", true);
    });
    for (const [heading, places] of Object.entries(index.alltitles)) {
      if (places.length > REPEATED) continue;
      for (const [page, id] of places) if (id !== null) offer(page, heading, `#${id}`, index.docnames[page] !== "questions");
    }

    _removeChildren(document.getElementById("search-progress"));
    return [...best.values()].sort((a, b) => _orderResultsByScoreThenName(a, b)).slice(-SHOWN);
  };
}
