/** The algorithms that the image specification registers and registries use (image-spec, descriptor.md#digests). */
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** True for a digest that can be verified: `sha256:` or `sha512:` and lower-case hexadecimal digits. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}
