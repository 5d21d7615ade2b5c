// The answer of examples/hello-rust, in the language that workerd runs best.
export default {
  async fetch(request) {
    return new Response(`Hello from Rust\npath: ${new URL(request.url).pathname}\n`, {
      headers: { "content-type": "text/plain" },
    });
  },
};
