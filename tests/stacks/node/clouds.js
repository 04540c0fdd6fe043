// Serves apps of platforms, one port each: `node clouds.js FOLDER` reads a list of apps on standard input, each with its
// stack, and prints the ports by host as JSON once all listen. FOLDER has the packages.
"use strict";
const { createRequire } = require("node:module");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const from = createRequire(path.join(process.argv[2], "index.js"));

const refuses = (auth, authorization) => auth && authorization !== "Basic dTpw";

// What the application itself answers: the faults, where it has any.
function answered({ lines, options, auth }, method, url, authorization) {
  const status = () => {
    if (options && method === "OPTIONS") return 204;
    if (refuses(auth, authorization)) return 401;
    if (url === "/fail") return 500;
    if (url !== "/item") return 404;
    return method === "OPTIONS" ? 405 : 200;
  };
  return { status: status(), lines };
}

// The functions framework is what Cloud Functions start, and firebase-functions wraps the handler.
async function firebase(app) {
  const framework = from("@google-cloud/functions-framework");
  const { getTestServer } = from("@google-cloud/functions-framework/testing");
  const handle = (request, response) => {
    const { status, lines } = answered(app, request.method, request.path, request.get("authorization"));
    for (const [name, value] of lines) response.setHeader(name, value);
    response.status(status);
    if (status === 204) response.end();
    else response.json({});
  };
  const made = {};
  if (app.snippet) new Function("require", "exports", "handle", app.snippet)(from, made, handle);
  else made.api = from("firebase-functions/v2/https").onRequest(handle);
  const name = app.host.replaceAll(".", "-"); // names of functions have no dots
  framework.http(name, made.api);
  return listening(getTestServer(name));
}

// Vercel's own runtime runs the middleware. What it answers with `next()` goes on to the application, and its headers
// replace those of the application.
async function vercel(app) {
  const runtime = app.snippet && new (from("edge-runtime").EdgeRuntime)({ initialCode: bundled(app.snippet) });
  return listening(
    http.createServer(async (request, response) => {
      const own = answered(app, request.method, request.url, request.headers.authorization);
      const headers = new Headers();
      let { status } = own;
      if (runtime) {
        const said = await runtime.dispatchFetch(`http://${app.host}${request.url}`, {
          method: request.method,
          headers: request.headers,
        });
        for (const [name, value] of said.headers) if (!name.startsWith("x-middleware-")) headers.set(name, value);
        if (!said.headers.has("x-middleware-next")) status = said.status;
      }
      for (const [name, value] of own.lines) if (!headers.has(name)) response.setHeader(name, value);
      response.setHeader("server", "Vercel");
      for (const [name, value] of headers) response.setHeader(name, value);
      response.writeHead(status);
      response.end();
    }),
  );
}

function bundled(snippet) {
  const file = path.join(path.dirname(from.resolve("@vercel/functions")), "middleware.js");
  const library = `const { next } = ((module) => { ((exports) => { ${fs.readFileSync(file)}
  })(module.exports); return module.exports; })({ exports: {} });`;
  const own = snippet.replace(/^import \{ next \} from .*$/m, "").replace("export default", "");
  return `${library}\n${own}\naddEventListener("fetch", (event) => event.respondWith(middleware(event.request)));`;
}

function listening(server) {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server.address().port));
  });
}

// One bucket a case: its name is the host's first label. The snippet is its CORS configuration, as the console takes it.
async function s3(apps) {
  const S3rver = from("s3rver");
  const bucket = (host) => host.slice(0, host.indexOf("."));
  const element = (name, value) => [value].flat().map((one) => `<${name}>${one}</${name}>`).join("");
  const elements = {
    AllowedOrigins: "AllowedOrigin",
    AllowedMethods: "AllowedMethod",
    AllowedHeaders: "AllowedHeader",
    ExposeHeaders: "ExposeHeader",
    MaxAgeSeconds: "MaxAgeSeconds",
    MaxAgeInSeconds: "MaxAgeSeconds", // as the cases say it
  };
  const rule = (one) => Object.entries(one).map(([name, value]) => element(elements[name], value));
  const configuration = (rules) =>
    `<CORSConfiguration>${rules.map((one) => element("CORSRule", rule(one).join(""))).join("")}</CORSConfiguration>`;
  const rulesOf = ({ snippet, rule: one }) => (snippet ? JSON.parse(snippet) : one ? [one] : []);
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory: fs.mkdtempSync("buckets-"),
    serviceEndpoint: apps[0].host.split(".").slice(2).join("."),
    configureBuckets: apps.map((app) => ({
      name: bucket(app.host),
      configs: rulesOf(app).length ? [configuration(rulesOf(app))] : [],
    })),
  });
  const { port } = await server.run();
  const S3Object = from("s3rver/lib/models/object");
  for (const { host } of apps) await server.store.putObject(new S3Object(bucket(host), "item", Buffer.from("{}"), {}));
  return Object.fromEntries(apps.map(({ host }) => [host, port]));
}

const makers = { firebase, vercel };

async function main() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const apps = JSON.parse(text);
  if (apps[0].stack === "s3") return console.log(JSON.stringify(await s3(apps)));
  const ports = {};
  for (const app of apps) ports[app.host] = await makers[app.stack](app);
  return console.log(JSON.stringify(ports));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
