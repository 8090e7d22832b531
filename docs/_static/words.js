// The words of searches, for search.js and for `luasocket-conformance explain`, which reads the JSON: words that say nothing about a
// page, and for words that users type those of the pages.
const WORDS = {
  "empty": [
    "a", "although", "an", "and", "any", "are", "be", "between", "but", "by", "can", "could", "did", "difference", "do",
    "does", "even", "find", "for", "from", "get", "gets", "happen", "happens", "have", "how", "i", "if", "in", "is", "it",
    "its", "just", "know", "less", "lua", "luasocket", "make", "makes", "mean", "meaning", "method", "my", "not", "of",
    "on", "or", "really", "return", "returns", "should", "so", "socket", "still", "than", "that", "the", "then", "there",
    "this", "though", "to", "use", "vs", "want", "was", "we", "what", "when", "where", "whether", "which", "while", "why",
    "will", "with", "without", "would", "you"
  ],
  "synonyms": {
    "async": ["blocking"], "broken": ["closed"], "crash": ["ends", "closed"], "crlf": ["cr", "lf"], "dead": ["closed", "ends"],
    "disconnect": ["close", "ends"], "drop": ["lost", "discarded"], "dual": ["both"], "eof": ["ends"], "forever": ["waits"],
    "freeze": ["waits", "blocking"], "hang": ["waits", "blocking"], "hostname": ["host", "name"], "immediately": ["once"],
    "length": ["bytes"], "lookup": ["resolve"], "lose": ["lost"], "max": ["maximum"], "ms": ["milliseconds"],
    "multiple": ["several"], "newline": ["feed"], "nonblocking": ["blocking"], "packet": ["datagram"], "random": ["chosen"],
    "stuck": ["waits", "blocking"], "truncated": ["cuts", "discarded"], "twice": ["again"]
  }
};
