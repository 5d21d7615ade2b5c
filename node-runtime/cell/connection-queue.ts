import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests of one connection that may wait for those before them; the next one ends the connection. */
export const MAX_PIPELINED = 64;

/** A request whose turn has come on its connection. */
export interface Turn {
  request: IncomingMessage;
  response: ServerResponse;
  /** When it was read, by `performance.now()`. */
  arrivedMs: number;
  /** More waited before it than may: to be refused, and the connection to be closed. */
  isSurplus: boolean;
  /** Nothing of the connection waits behind it. */
  isLast: boolean;
}

type Waiting = Omit<Turn, "isLast">;

/** The requests of one connection. */
interface Line {
  isServing: boolean;
  waiting: Waiting[];
}

/**
 * Serves the requests of each connection one after another, in their order. Node.js hands over all that a client
 * pipelined within one turn of the event loop: served like that, one connection takes the thread, and the app's
 * concurrency, from all others. Here the event loop gets a turn before each request that waited.
 */
export class ConnectionQueue {
  readonly #serve: (turn: Turn) => void;
  readonly #lines = new WeakMap<Socket, Line>();

  /** `serve` must end the response in every case. */
  constructor(serve: (turn: Turn) => void) {
    this.#serve = serve;
  }

  /** Takes a request that was just read; serves it at once unless another of its connection is being served. */
  add(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const line = this.#lines.get(socket) ?? this.#open(socket);
    const isSurplus = line.waiting.length >= MAX_PIPELINED;
    const turn = { request, response, arrivedMs: performance.now(), isSurplus };
    if (!line.isServing) return this.#begin(line, turn);
    // The answer to the first that is too many ends the connection: nothing behind it is ever looked at.
    if (line.waiting.at(-1)?.isSurplus) return;
    line.waiting.push(turn);
    if (isSurplus) socket.pause();
  }

  /** Returns whether a request of the connection is not answered yet. */
  isServing(socket: Socket): boolean {
    return this.#lines.get(socket)?.isServing ?? false;
  }

  #open(socket: Socket): Line {
    const line: Line = { isServing: false, waiting: [] };
    this.#lines.set(socket, line);
    socket.once("close", () => (line.waiting = []));
    return line;
  }

  #begin(line: Line, turn: Waiting): void {
    line.isServing = true;
    turn.response.once("close", () => this.#end(line));
    this.#serve({ ...turn, isLast: line.waiting.length === 0 });
  }

  #end(line: Line): void {
    if (line.waiting.length === 0) {
      line.isServing = false;
      return;
    }
    setImmediate(() => {
      const next = line.waiting.shift();
      if (next === undefined) line.isServing = false;
      else this.#begin(line, next);
    });
  }
}
