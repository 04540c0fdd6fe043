"""Snippets for frameworks of Node.js, by the key of the stack."""

from typing import Final

from .templates import Template, Writer

EXPRESS: Final = Template("""
// %developing%
// npm install cors
const cors = require("cors");

// before authentication and every route: cors answers OPTIONS itself, and errors keep its headers
app.use(cors({
  origin: [%origins-quoted%],
  methods: [%methods-quoted%],
  allowedHeaders: %headers-json%,
  exposedHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
}));
%answered%// remove all other code that sets Access-Control-Allow-Origin
""")

FASTIFY: Final = Template("""
// %developing%
// npm install @fastify/cors
// before the hooks that authenticate; without await these hooks run first and reject OPTIONS
await app.register(require("@fastify/cors"), {
  origin: [%origins-quoted%],
  methods: [%methods-quoted%],
  allowedHeaders: %headers-json%,
  exposedHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
});
%answered%// remove all other code that sets Access-Control-Allow-Origin
""")

KOA: Final = Template("""
// %developing%
// npm install @koa/cors
const cors = require("@koa/cors");
const corsOrigins = new Set([%origins-quoted%]);

// the first middleware: cors answers OPTIONS itself, and errors keep its headers
app.use(cors({
  origin: (ctx) => (corsOrigins.has(ctx.get("Origin")) ? ctx.get("Origin") : ""),
  allowMethods: [%methods-quoted%],
  allowHeaders: %headers-json%,
  exposeHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
  keepHeadersOnError: true,
}));
%answered%// remove all other code that sets Access-Control-Allow-Origin
""")

NESTJS: Final = Template("""
// %developing%
// main.ts, after NestFactory.create and before app.listen; guards run later, so OPTIONS passes
app.enableCors({
  origin: [%origins-quoted%],
  methods: [%methods-quoted%],
  allowedHeaders: %headers-json%,
  exposedHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
});
%answered%// remove all other code that sets Access-Control-Allow-Origin
""")

JAVASCRIPT: Final[dict[str, Writer]] = {
    "express": EXPRESS,
    "fastify": FASTIFY,
    "koa": KOA,
    "nestjs": NESTJS,
}
