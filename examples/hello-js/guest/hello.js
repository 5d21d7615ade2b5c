// Says hello with the standard fetch event, as a service worker does.
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

function answer(request) {
  const { pathname, search } = new URL(request.url);
  const headers = { "content-type": "text/plain; charset=utf-8" };
  return new Response(`Hello from JavaScript\npath: ${pathname}${search}\n`, { headers });
}
