// Each request to /new gets an isolate that has never existed; any other goes to one that is kept.
const PROGRAM = `export default { async fetch() {
  return new Response("Hello from Rust\\npath: /\\n", { headers: { "content-type": "text/plain" } });
} };`;

let made = 0;

export default {
  async fetch(request, env) {
    const name = new URL(request.url).pathname === "/new" ? `new-${made++}` : "kept";
    const worker = env.LOADER.get(name, () => ({
      compatibilityDate: "2026-01-01",
      mainModule: "main.js",
      modules: { "main.js": PROGRAM },
    }));
    return worker.getEntrypoint().fetch(request);
  },
};
