/** What a request's line and headers say, as they came: text in which each character is one byte. */
export interface RequestLine {
  method: string;
  /** The request target: a path, a URL, `*`. */
  target: string;
  /** As `1.1`. */
  version: string;
  /** Whether the client allows another request on the connection. */
  keepsAlive: boolean;
}

/** A request's head, with the headers that every server has to look at found once. */
export class RequestHead implements RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly keepsAlive: boolean;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  /** The first Host header, and how many there are. */
  readonly host: string | undefined = undefined;
  readonly hosts: number = 0;
  readonly contentLength: string | undefined = undefined;
  /** All Transfer-Encoding headers. */
  readonly transferEncoding: string | undefined = undefined;
  readonly expect: string | undefined = undefined;

  constructor({ method, target, version, keepsAlive }: RequestLine, rawHeaders: readonly string[]) {
    this.method = method;
    this.target = target;
    this.version = version;
    this.keepsAlive = keepsAlive;
    this.rawHeaders = rawHeaders;
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!];
      // Most headers are none of these, and differ from them in length.
      if (name.length === 4 && isNamed(name, "host")) {
        this.hosts++;
        this.host ??= value;
      } else if (name.length === 6 && isNamed(name, "expect")) this.expect = value;
      else if (name.length === 14 && isNamed(name, "content-length")) this.contentLength = value;
      else if (name.length === 17 && isNamed(name, "transfer-encoding")) {
        this.transferEncoding = this.transferEncoding === undefined ? value : `${this.transferEncoding}, ${value}`;
      }
    }
  }

  /** The client waits to be asked for the body (RFC 9110 section 10.1.1). */
  get expectsContinue(): boolean {
    return this.version === "1.1" && this.expect?.toLowerCase() === "100-continue";
  }
}

function isNamed(name: string, lowerCase: string): boolean {
  return name === lowerCase || name.toLowerCase() === lowerCase;
}
