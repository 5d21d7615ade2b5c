/** Returns a kebab-case WIT name as the JavaScript embedding spells it: `DNS-error` is `dnsError`. */
export function camelCase(name: string): string {
  const [first = "", ...rest] = name.toLowerCase().split("-");
  return first + rest.map(capitalized).join("");
}

/** Returns a kebab-case WIT name as a class name: `incoming-request` is `IncomingRequest`. */
export function pascalCase(name: string): string {
  return capitalized(camelCase(name));
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Returns an interface's name without its version: `wasi:io/poll@0.2.6` is `wasi:io/poll`. */
export function unversioned(name: string): string {
  const at = name.indexOf("@");
  return at === -1 ? name : name.slice(0, at);
}
