/** llhttp compiled to WebAssembly, as undici carries it: the parser of Node.js itself. */
declare module "undici/lib/llhttp/llhttp_simd-wasm.js" {
  const bytes: Buffer<ArrayBuffer>;
  export default bytes;
}
