// Words that users type, and those of the pages. Used by search.js and by `luasocket-conformance explain`, which reads the JSON.
const SYNONYMS = {
  "async": ["blocking"], "broken": ["closed"], "crash": ["ends", "closed"], "crlf": ["cr", "lf"], "dead": ["closed", "ends"],
  "disconnect": ["close", "ends"], "drop": ["lost", "discarded"], "dual": ["both"], "eof": ["ends"], "forever": ["waits"],
  "freeze": ["waits", "blocking"], "hang": ["waits", "blocking"], "hostname": ["host", "name"], "immediately": ["once"],
  "length": ["bytes"], "lookup": ["resolve"], "lose": ["lost"], "max": ["maximum"], "ms": ["milliseconds"],
  "multiple": ["several"], "newline": ["feed"], "nonblocking": ["blocking"], "packet": ["datagram"], "random": ["chosen"],
  "stuck": ["waits", "blocking"], "truncated": ["cuts", "discarded"], "twice": ["again"], "write": ["send"]
};
