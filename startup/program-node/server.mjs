/*
 * The program of startup/program as one writes it for Node.js: what starts of a container with Node.js are measured with.
 */
import { createServer } from "node:http";
import process from "node:process";
import { handle } from "./handler.mjs";

const DEFAULT_PORT = 8080;
const NOT_FOUND = 404;

const server = createServer(async (request, response) => {
  const answer = await handle(new URL(request.url, "http://program"));
  if (answer === undefined) response.statusCode = NOT_FOUND;
  response.end(answer ?? "");
});
server.listen(Number(process.env.PORT ?? DEFAULT_PORT), "0.0.0.0", () => process.stdout.write("listening\n"));
