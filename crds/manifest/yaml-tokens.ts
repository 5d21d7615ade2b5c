import { type CST, Lexer, type LineCounter, Parser } from "yaml";
import type { ErrorCode } from "../../common/error-codes.ts";
import { MAX_PROBLEMS } from "../schema/field-problem.ts";

/** Names, values, marks, spaces and line ends of a file: some eight to a line. What is made of each costs microseconds. */
const MAX_LEXEMES = 50_000;

/** An escape of a text in double quotes, and those that mean nothing: the library makes an error of each. */
const ESCAPE = /\\(?:[^xuU]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|.)/gs;
const VALID_ESCAPE = /^\\(?:[0abefnrtvNLP_ "/\\\t\r\n]|[xuU].+)$/s;

/** Says why a file is not read any further, and from where. */
export class TokenLimit extends Error {
  readonly code: ErrorCode;
  readonly offset: number;

  constructor(code: ErrorCode, message: string, offset: number) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}

/** Yields the tokens of a YAML file, as the library's parser does; throws TokenLimit where a hostile file costs too much. */
export function* readYamlTokens(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  let lexemes = 0;
  let firstError: CST.ErrorToken | undefined;
  let errors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > MAX_LEXEMES) {
      const message = `the file has more than ${MAX_LEXEMES} names, values and marks`;
      throw new TokenLimit("MANIFEST_TOO_LARGE", message, parser.offset);
    }
    if (lexeme.startsWith('"') && countBadEscapes(lexeme) > MAX_PROBLEMS) {
      throw tooManyErrors({ message: "Invalid escape sequences", offset: parser.offset });
    }
    for (const token of parser.next(lexeme)) {
      if (token.type === "error") {
        firstError ??= token;
        if (++errors > MAX_PROBLEMS) throw tooManyErrors(firstError);
      }
      yield token;
    }
  }
  yield* parser.end();
}

function countBadEscapes(quoted: string): number {
  let count = 0;
  for (const [escape] of quoted.matchAll(ESCAPE)) if (!VALID_ESCAPE.test(escape)) count++;
  return count;
}

function tooManyErrors({ message, offset }: Pick<CST.ErrorToken, "message" | "offset">): TokenLimit {
  const more = `and more: reading stopped after ${MAX_PROBLEMS} problems`;
  return new TokenLimit("MANIFEST_SYNTAX", `${message.slice(0, 200)}; ${more}`, offset);
}
