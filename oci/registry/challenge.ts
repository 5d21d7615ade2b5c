/*
 * What a registry wants before it serves: the WWW-Authenticate header (RFC 9110, 11.6.1), such as
 *
 *   Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull"
 *   Basic realm="Registry"
 */

/** One way to authenticate that a registry offers. */
export interface Challenge {
  /** In lower case. */
  scheme: string;
  parameters: ReadonlyMap<string, string>;
}

const MAX_HEADER_LENGTH = 8192;
const MAX_PARAMETERS = 32;
/** A parameter, or a scheme; each pattern begins where the one before ended. */
const PARAMETER = /\s*,?\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+.^`|~/:-]+))/y;
const SCHEME = /[\s,]*([\w!#$%&'*+.^`|~-]+)(?=[\s,]|$)/y;

/** Reads the challenges of a header's values; what cannot be read is left out, for the registry may offer more. */
export function readChallenges(values: readonly string[]): Challenge[] {
  return values.filter(({ length }) => length <= MAX_HEADER_LENGTH).flatMap((value) => readValue(value));
}

function readValue(value: string): Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  let parameters: Map<string, string> | undefined;
  while (position < value.length) {
    PARAMETER.lastIndex = position;
    const parameter = parameters === undefined ? null : PARAMETER.exec(value);
    if (parameter !== null && parameters !== undefined) {
      const [, name = "", quoted, plain = ""] = parameter;
      if (parameters.size < MAX_PARAMETERS)
        parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? plain);
      position = PARAMETER.lastIndex;
      continue;
    }
    SCHEME.lastIndex = position;
    const scheme = SCHEME.exec(value)?.[1];
    if (scheme === undefined) break;
    position = SCHEME.lastIndex;
    parameters = new Map();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
