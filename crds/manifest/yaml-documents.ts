import { Composer, type Document, LineCounter, type YAMLParseError } from "yaml";
import type { ErrorCode } from "../../common/error-codes.ts";
import { messageOf } from "../../common/errors.ts";
import { Positions } from "./positions.ts";
import { readYamlTokens, TokenLimit } from "./yaml-tokens.ts";
import { MAX_VALUES, type PlacedProblem, readYamlContent } from "./yaml-reader.ts";

const MAX_FILE_BYTES = 1_048_576;
const MAX_DOCUMENTS = 1000;
const MAX_SYNTAX_PROBLEMS = 10;
const MAX_MESSAGE_CHARACTERS = 200;

/** One YAML document of a file: its value (undefined where it can't be read), where things stand, and what is wrong. */
export interface YamlDocument {
  value: unknown;
  positions: Positions;
  problems: PlacedProblem[];
}

/** Reads a file of YAML documents as kubectl would. Never throws: what can't be read is among the problems. */
export function readYamlDocuments(text: string): YamlDocument[] {
  const lines = new LineCounter();
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_FILE_BYTES) {
    return [failure("MANIFEST_TOO_LARGE", `the file has ${bytes} bytes; ${MAX_FILE_BYTES} are the most`, lines, 0)];
  }
  const documents: YamlDocument[] = [];
  // Keys are compared by the reader: the library's own check is quadratic.
  const options = { schema: "failsafe", lineCounter: lines, prettyErrors: false, uniqueKeys: false } as const;
  const budget = { left: MAX_VALUES };
  try {
    for (const document of new Composer(options).compose(readYamlTokens(text, lines))) {
      if (documents.length === MAX_DOCUMENTS) {
        const message = `the file has more than ${MAX_DOCUMENTS} documents`;
        return [...documents, failure("MANIFEST_TOO_LARGE", message, lines, document.range[0])];
      }
      documents.push(readDocument(document));
    }
  } catch (thrown) {
    if (thrown instanceof TokenLimit) return [...documents, failure(thrown.code, thrown.message, lines, thrown.offset)];
    documents.push(failure("MANIFEST_SYNTAX", messageOf(thrown), lines, 0));
  }
  return documents;

  function readDocument({ errors, contents }: Document.Parsed): YamlDocument {
    const positions = new Positions(lines);
    if (errors.length > 0) return { value: undefined, positions, problems: syntaxProblems(errors, positions) };
    return { positions, ...readYamlContent(contents, positions, budget) };
  }
}

function syntaxProblems(errors: YAMLParseError[], positions: Positions): PlacedProblem[] {
  const tooDeep = errors.find(({ code }) => code === "RESOURCE_EXHAUSTION");
  if (tooDeep !== undefined) {
    const problem = { code: "MANIFEST_TOO_DEEP", path: [], message: "nested too deeply to be read" } as const;
    return [{ problem, position: positions.at(tooDeep.pos[0]) }];
  }
  return errors.slice(0, MAX_SYNTAX_PROBLEMS).map(({ message, pos }) => ({
    problem: { code: "MANIFEST_SYNTAX", path: [], message: message.slice(0, MAX_MESSAGE_CHARACTERS) },
    position: positions.at(pos[0]),
  }));
}

function failure(code: ErrorCode, message: string, lines: LineCounter, offset: number): YamlDocument {
  const positions = new Positions(lines);
  const problem = { code, path: [], message };
  return { value: undefined, positions, problems: [{ problem, position: positions.at(offset) }] };
}
