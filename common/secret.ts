/** A text that must not be seen: it prints as REDACTED wherever it is logged, joined or serialised. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Returns the text itself, for the one place that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "REDACTED";
  }

  toJSON(): string {
    return "REDACTED";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "REDACTED";
  }
}
