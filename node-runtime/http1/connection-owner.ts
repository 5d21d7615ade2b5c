import type { Connection } from "./connection.ts";
import type { Exchange } from "./exchange.ts";
import type { ProtocolError } from "./request-parser.ts";
import type { HeaderLine } from "./response-head.ts";

/** A whole answer to what is no request, or to one that nothing serves. */
export interface Refusal {
  status: number;
  headers: readonly HeaderLine[];
  body: string;
  /** The request was a sound one: its connection may serve the next. */
  keepsConnection?: boolean;
}

/** What connections belong to. */
export interface ConnectionOwner {
  /** New requests are not wanted: responses say so. */
  readonly isDraining: boolean;
  /** Its clock, which counts seconds: telling the time costs more than all else that a connection does for a request. */
  readonly seconds: number;
  serve(exchange: Exchange): void;
  refuse(error: ProtocolError): Refusal;
  closed(connection: Connection): void;
}
