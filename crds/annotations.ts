import { type FieldProblem, describeValue, suggestName } from "./schema/field-problem.ts";
import { isMapping } from "./schema/schema-node.ts";

/*
 * What a manifest may say to a node runtime that runs without a cluster. On a cluster these annotations mean nothing:
 * docs/adr/0001-local-sources.md says why they are annotations.
 */

/** Path of a `.wasm` file, relative to the manifest, that stands in for `spec.source` in standalone mode. */
export const ANNOTATION_SOURCE_PATH = "wasmlet.dev/source-path";

/** Port that the app listens on in standalone mode. */
export const ANNOTATION_PORT = "wasmlet.dev/port";

/** What the standalone annotations of a manifest ask for. */
export interface StandaloneWishes {
  /** As written: relative to the manifest's folder, or absolute. */
  sourcePath?: string;
  port?: number;
}

const KNOWN = [ANNOTATION_SOURCE_PATH, ANNOTATION_PORT];
const PREFIX = "wasmlet.dev/";
const MAX_PATH_CHARACTERS = 4096;
const MAX_PORT = 65_535;

/** Reads the standalone annotations of an object's metadata; anything that is wrong with them goes into `problems`. */
export function readAnnotations(metadata: unknown, problems: FieldProblem[]): StandaloneWishes {
  const annotations = isMapping(metadata) && isMapping(metadata["annotations"]) ? metadata["annotations"] : {};
  const wishes: StandaloneWishes = {};
  for (const [name, value] of Object.entries(annotations)) {
    // Values of other types are the schema's to report.
    if (typeof value !== "string") continue;
    const path = ["metadata", "annotations", name];
    if (name === ANNOTATION_PORT) {
      const port = parsePort(value);
      if (port === undefined) problems.push(annotationProblem(path, `a port from 1 to ${MAX_PORT}`, value));
      else wishes.port = port;
    } else if (name === ANNOTATION_SOURCE_PATH) {
      if (isFilePath(value)) wishes.sourcePath = value;
      else problems.push(annotationProblem(path, "the path of a .wasm file such as ./hello.wasm", value));
    } else if (name.startsWith(PREFIX)) {
      const meant = suggestName(
        name.slice(PREFIX.length),
        KNOWN.map((known) => known.slice(PREFIX.length)),
      );
      if (meant !== undefined) {
        problems.push({
          code: "MANIFEST_ANNOTATION",
          path,
          message: `unknown annotation; did you mean ${PREFIX}${meant}?`,
        });
      }
    }
  }
  return wishes;
}

function annotationProblem(path: string[], expected: string, value: string): FieldProblem {
  const actual = describeValue(value);
  return { code: "MANIFEST_ANNOTATION", path, message: `expected ${expected}, got ${actual}`, expected, actual };
}

function parsePort(text: string): number | undefined {
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}

/** A URL is refused here so that nobody believes it is fetched; whether the file exists is for the runtime to say. */
function isFilePath(text: string): boolean {
  return (
    text.trim() !== "" &&
    text.length <= MAX_PATH_CHARACTERS &&
    !text.includes("\0") &&
    !/^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  );
}
