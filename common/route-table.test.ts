import fc from "fast-check";
import { expect, test } from "vitest";
import { RouteTable, routeProblem } from "./route-table.ts";

/** A table in which each route leads to itself. */
function tableOf(...routes: string[]): RouteTable<string> {
  return new RouteTable(routes.map((route) => ({ route, target: route })));
}

/** Cases of Spin's own tests (crates/routes), and further ones. */
test.each([
  [["/foo", "/foo/bar"], "/foo", "/foo"],
  [["/foo", "/foo/bar"], "/foo/bar", "/foo/bar"],
  [["/..."], "/", "/..."],
  [["/..."], "/foo/bar", "/..."],
  [["/..."], "/abc/", "/..."],
  [["/one/...", "/one/two/...", "/one/two/three/..."], "/one/two/three/four", "/one/two/three/..."],
  [["/one/two/three/...", "/one/two/...", "/one/..."], "/one/two/three/four", "/one/two/three/..."],
  [["/one", "/..."], "/one", "/one"],
  [["/...", "/one"], "/one", "/one"],
  [["/one", "/..."], "/one/two", "/..."],
  [["/foo/...", "/foo"], "/foo/", "/foo"],
  [["/...", "/"], "/", "/"],
  [["/:x", "/hello", "/..."], "/hello", "/hello"],
  [["/:x", "/hello", "/..."], "/hey", "/:x"],
  [["/:x", "/hello", "/..."], "/hey/there", "/..."],
  [["/:x/b", "/a/:y"], "/a/b", "/a/:y"],
  [["/a/:x/...", "/a/b/..."], "/a/b/c", "/a/b/..."],
  [["/a.:x", "/a.b.:x"], "/a.b.c", "/a.b.:x"],
  [["/a/.b"], "/a/.b", "/a/.b"],
  [["/...", "/.well-known/x"], "/.well-known/x", "/.well-known/x"],
  [["/:file", "/:name.:type"], "/a.png", "/:name.:type"],
  [["/v1.0/x"], "/v1.0/x", "/v1.0/x"],
  [["/foo/*"], "/foo/bar", "/foo/*"],
  [["foo"], "/foo", "foo"],
  [["/foo"], "//foo//", "/foo"],
  [["/foo"], "/foobar", undefined],
  [["/foo"], "/", undefined],
  [["/foo/..."], "/foobar", undefined],
  [["/:x"], "/", undefined],
  [["/:x"], "/a/b", undefined],
  [["/:name.:type"], "/a/b.c", undefined],
  [["/foo"], "/%66oo", undefined],
  [["/admin/...", "/..."], "/x/../admin", "/..."],
  [["/", "/foo"], "*", undefined],
])("route table: of %j, %s takes %s", (routes, path, route) => {
  expect(tableOf(...routes).find(path)?.target).toBe(route);
});

test.each([
  ["/...", "/1/2/3", "/1/2/3"],
  ["/1/...", "/1/2/3", "/2/3"],
  ["/test/...", "/test", ""],
  ["/test/...", "/test/", "/"],
  ["/test/...", "/test/hello", "/hello"],
  ["/test/...", "/test/hello/", "/hello/"],
  ["/...", "/", "/"],
  ["/test", "/test/", ""],
])("route table: the wildcard of %s takes %s as %j", (route, path, pathInfo) => {
  expect(tableOf(route).find(path)?.pathInfo).toBe(pathInfo);
});

test("route table: parameters are captured, also before a wildcard and between dots", () => {
  expect(tableOf("/1/:two/3").find("/1/2/3")?.params).toEqual([["two", "2"]]);
  expect(tableOf("/1/:two/...").find("/1/2/3/4")).toMatchObject({ params: [["two", "2"]], pathInfo: "/3/4" });
  expect(tableOf("/:a/:b.:c").find("/x/y.z.w")?.params).toEqual([
    ["a", "x"],
    ["b", "y"],
    ["c", "z.w"],
  ]);
});

test("route table: of a route that is written twice the later one counts", () => {
  const table = new RouteTable([
    { route: "/foo", target: 1 },
    { route: "/...", target: 2 },
    { route: "/foo", target: 3 },
  ]);
  expect(table.routes).toEqual([
    { route: "/foo", target: 3 },
    { route: "/...", target: 2 },
  ]);
});

test.each([
  ["/...", undefined],
  ["/a/:b/...", undefined],
  ["/*/a", "a wildcard that is not at its end"],
  ["/a/*rest", "a wildcard with a name"],
  ["/:", "a parameter without a name"],
])("route table: the route %s has %s", (route, problem) => {
  expect(routeProblem(route)).toBe(problem);
});

const segment = fc.stringMatching(/^[ab]{1,2}(\.[ab])?$/);
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
const route = fc
  .tuple(fc.array(fc.oneof(segment, fc.constantFrom(":x", ":y", ":x.a")), { maxLength: 3 }), fc.constantFrom("", "..."))
  .map(([segments, end]) => `/${[...segments, end].filter((part) => part !== "").join("/")}`)
  .filter((text) => routeProblem(text) === undefined);

/** A route without the names of its parameters. */
function shape(route: string): string {
  return route.replaceAll(/:[xy]/g, ":");
}

test("route table: the order of routes decides nothing, and what is found is no less than any route alone finds", () => {
  fc.assert(
    fc.property(fc.uniqueArray(route, { maxLength: 6 }), path, (routes, wanted) => {
      const found = tableOf(...routes).find(wanted);
      expect(found === undefined).toBe(routes.every((one) => tableOf(one).find(wanted) === undefined));
      if (found === undefined) return;
      expect(tableOf(found.rawRoute).find(wanted)).toEqual(found);
      const reversed = tableOf(...routes.toReversed()).find(wanted);
      // Routes that differ in the names of parameters alone are the same.
      expect(shape(reversed?.rawRoute ?? "")).toBe(shape(found.rawRoute));
    }),
  );
});

/** Without slashes at either end. */
function bare(text: string): string {
  return text.replaceAll(/^\/+|\/+$/g, "");
}

test("route table: a path is its route, with parameters and wildcard put in", () => {
  fc.assert(
    fc.property(fc.array(route, { maxLength: 6 }), path, (routes, wanted) => {
      const found = tableOf(...routes).find(wanted);
      if (found === undefined) return;
      const values = found.params.map(([, value]) => value);
      const filled = found.rawRoute.replaceAll(/:[xy]/g, () => values.shift()!).replace(/\/\.\.\.$/, found.pathInfo);
      expect(bare(filled)).toBe(bare(wanted));
    }),
  );
});
