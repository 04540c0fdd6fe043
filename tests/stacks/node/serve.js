// Serves apps of Express, Fastify, Koa and NestJS, one port each: `node serve.js FOLDER` reads a list of apps on standard
// input, each with its stack, and prints the ports by host as JSON once all listen. FOLDER has the packages.
"use strict";
const { createRequire } = require("node:module");
const path = require("node:path");
const from = createRequire(path.join(process.argv[2], "index.js"));

const AsyncFunction = (async () => {}).constructor;
const run = (snippet, app) => (snippet ? new AsyncFunction("app", "require", snippet)(app, from) : undefined);
const refuses = (auth, authorization) => auth && authorization !== "Basic dTpw";

async function express({ lines, options, auth, snippet }) {
  const app = from("express")();
  app.set("env", "production"); // no stack trace in an error page
  await run(snippet, app);
  app.use((request, response, next) => {
    for (const [name, value] of lines) response.setHeader(name, value);
    if (options && request.method === "OPTIONS") return response.status(204).end();
    if (refuses(auth, request.get("authorization"))) return response.status(401).json({});
    return next();
  });
  app.get("/fail", () => {
    throw new Error("on purpose");
  });
  app.route("/item").get(answer).put(answer).patch(answer).delete(answer);
  function answer(request, response) {
    response.json({});
  }
  return listening(app);
}

async function nestjs({ lines, options, auth, snippet }) {
  from("reflect-metadata");
  const { NestFactory } = from("@nestjs/core");
  const { Module, Controller, Get, Put, Patch, Delete } = from("@nestjs/common");
  class Items {
    fail() {
      throw new Error("on purpose");
    }
  }
  const route = (decorator, name) =>
    decorator(Items.prototype, name, Object.getOwnPropertyDescriptor(Items.prototype, name));
  Controller()(Items);
  for (const [index, method] of [Get, Put, Patch, Delete].entries()) {
    const name = `item${index}`;
    Items.prototype[name] = () => ({}); // one each: what a decorator notes stands on the function
    route(method("item"), name);
  }
  route(Get("fail"), "fail");
  class Root {}
  Module({ controllers: [Items] })(Root);
  const app = await NestFactory.create(Root, { logger: false });
  await run(snippet, app);
  app.use((request, response, next) => {
    for (const [name, value] of lines) response.setHeader(name, value);
    if (options && request.method === "OPTIONS") return response.status(204).end();
    if (refuses(auth, request.get("authorization"))) return response.status(401).json({});
    return next();
  });
  await app.listen(0, "127.0.0.1");
  return app.getHttpServer().address().port;
}

async function fastify({ lines, options, auth, snippet }) {
  const app = from("fastify")();
  await run(snippet, app);
  app.addHook("onRequest", async (request, reply) => {
    for (const [name, value] of lines) reply.header(name, value);
    if (options && request.method === "OPTIONS") return reply.code(204).send();
    if (refuses(auth, request.headers.authorization)) return reply.code(401).send({});
  });
  app.route({ method: ["GET", "PUT", "PATCH", "DELETE"], url: "/item", handler: async () => ({}) });
  app.get("/fail", async () => {
    throw new Error("on purpose");
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app.server.address().port;
}

async function koa({ lines, options, auth, snippet }) {
  const app = new (from("koa"))();
  app.silent = true;
  await run(snippet, app);
  app.use(async (ctx) => {
    for (const [name, value] of lines) ctx.set(name, value);
    ctx.cookies.set("koa.sess", "1");
    if (options && ctx.method === "OPTIONS") ctx.status = 204;
    else if (refuses(auth, ctx.get("authorization"))) ctx.status = 401;
    else if (ctx.path === "/fail") throw new Error("on purpose");
    else if (ctx.path !== "/item") ctx.status = 404;
    else if (ctx.method === "OPTIONS") ctx.status = 405;
    else ctx.body = {};
  });
  return listening(app);
}

function listening(app) {
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => resolve(server.address().port));
  });
}

const makers = { express, fastify, koa, nestjs };

async function main() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const ports = {};
  for (const app of JSON.parse(text)) ports[app.host] = await makers[app.stack](app);
  console.log(JSON.stringify(ports));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
