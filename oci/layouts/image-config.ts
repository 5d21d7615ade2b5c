import * as v from "valibot";
import { WasmletError } from "../../common/errors.ts";
import { parseJson } from "../manifest.ts";

const Text = v.pipe(v.string(), v.maxLength(4096));
const Texts = v.nullish(v.pipe(v.array(Text), v.maxLength(1024)));
const ImageConfig = v.object({
  os: v.optional(Text),
  architecture: v.optional(Text),
  config: v.nullish(v.object({ Entrypoint: Texts, Cmd: Texts, Env: Texts, WorkingDir: v.nullish(Text) })),
  rootfs: v.optional(v.object({ diff_ids: v.pipe(v.array(Text), v.maxLength(1024)) })),
});

/** What of an image's configuration says how it is run (image-spec, config.md). */
export interface ImageConfig {
  os: string;
  architecture: string;
  entrypoint: string[];
  /** The arguments that a caller's own replace; the command itself where there is no entrypoint. */
  command: string[];
  env: [name: string, value: string][];
  workingDirectory: string;
  /** Digests of the layers' archives before compression. */
  diffIds: string[];
}

/** Reads an image's configuration; throws OCI_MANIFEST_INVALID. */
export function readImageConfig(bytes: Uint8Array, where: string): ImageConfig {
  const invalid = (expected: string): WasmletError =>
    new WasmletError("OCI_MANIFEST_INVALID", "the image's configuration is not valid", { where, expected });
  const value = parseJson(bytes, () => invalid("JSON in UTF-8"));
  const { success, output, issues } = v.safeParse(ImageConfig, value, { abortEarly: true });
  if (!success) throw invalid(`at ${v.getDotPath(issues[0]) ?? "the whole"}: ${issues[0].expected}`);
  const { os = "", architecture = "", config, rootfs } = output;
  return {
    os: os.toLowerCase(),
    architecture: architecture.toLowerCase(),
    entrypoint: config?.Entrypoint ?? [],
    command: config?.Cmd ?? [],
    env: (config?.Env ?? []).map(splitVariable),
    workingDirectory: config?.WorkingDir ?? "",
    diffIds: rootfs?.diff_ids ?? [],
  };
}

function splitVariable(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals === -1 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}
