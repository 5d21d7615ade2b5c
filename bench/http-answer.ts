/** An answer as it came, for servers that are to give the same. */
export interface HttpAnswer {
  /** Names and values in their order, without those that a server adds by itself. */
  headers: [name: string, value: string][];
  body: string;
}

/** What Node.js writes of its own accord: the same in every server. */
const ADDED = new Set(["date", "connection", "keep-alive", "transfer-encoding"]);

/** Splits a whole answer, its body with a length or in chunks (RFC 9112 section 7.1, without trailers). */
export function parseAnswer(text: string): HttpAnswer {
  const headEnd = text.indexOf("\r\n\r\n");
  const fields = text
    .slice(0, headEnd)
    .split("\r\n")
    .slice(1)
    .map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  const rest = text.slice(headEnd + 4);
  const isChunked = fields.some(([name, value]) => name.toLowerCase() === "transfer-encoding" && value === "chunked");
  return {
    headers: fields.filter(([name]) => !ADDED.has(name.toLowerCase())),
    body: isChunked ? joinChunks(rest) : rest,
  };
}

/** Returns a whole answer without what may differ between equal ones: its date, and the case of names in its head. */
export function comparable(text: string): string {
  const headEnd = text.indexOf("\r\n\r\n");
  const head = text.slice(0, headEnd).replace(/\r\ndate: [^\r]*/i, "");
  return head.replaceAll(/\r\n[^:\r]+:/g, (name) => name.toLowerCase()) + text.slice(headEnd);
}

function joinChunks(text: string): string {
  let body = "";
  for (let at = 0; ;) {
    const lineEnd = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, lineEnd), 16);
    if (!(length > 0)) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + length);
    at = lineEnd + 2 + length + 2;
  }
}
