/** Refused targets of one program that are told apart; beyond them they are counted and no longer told. */
const MAX_TARGETS = 256;
/** The longest target that is told whole: a name's 253 characters and its port. What a guest asks for may be of any length. */
const MAX_TARGET_LENGTH = 260;

/** Says each refused target once: a program that tries again and again would fill the log. */
export class DenialLog {
  readonly #say: (line: string) => void;
  readonly #told = new Set<string>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Takes one refusal of `target`, a host and port, by the list called `list`. */
  note(target: string, list: string): void {
    const shown = target.length <= MAX_TARGET_LENGTH ? target : `${beginningOf(target)}…`;
    const key = `${shown} ${list}`;
    if (this.#told.has(key) || this.#told.size > MAX_TARGETS) return;
    this.#told.add(key);
    if (this.#told.size <= MAX_TARGETS) this.#say(`refused an outgoing connection to ${shown}: not in ${list}`);
    else this.#say(`refused outgoing connections to more than ${MAX_TARGETS} targets: further ones are only counted`);
  }
}

/** A copy: a part of a string keeps the whole one in memory. */
function beginningOf(text: string): string {
  return Buffer.from(text.slice(0, MAX_TARGET_LENGTH)).toString();
}
