"""Snippets for frameworks of Node.js, by the key of the stack."""

from typing import Final

from .templates import Template, Writer

EXPRESS: Final = Template("""
// %developing%
// npm install cors
const cors = require("cors");

// before authentication and every route: it answers OPTIONS itself, and what it sets stays on errors
app.use(cors({
  origin: [%origins-quoted%],
  methods: [%methods-quoted%],
  allowedHeaders: %headers-json%,
  exposedHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
}));
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""")

FASTIFY: Final = Template("""
// %developing%
// npm install @fastify/cors
// before the hooks that authenticate; without await they would be there first, and refuse OPTIONS
await app.register(require("@fastify/cors"), {
  origin: [%origins-quoted%],
  methods: [%methods-quoted%],
  allowedHeaders: %headers-json%,
  exposedHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
});
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""")

KOA: Final = Template("""
// %developing%
// npm install @koa/cors
const cors = require("@koa/cors");
const corsOrigins = new Set([%origins-quoted%]);

// the first middleware: it answers OPTIONS itself and keeps its headers on errors
app.use(cors({
  origin: (ctx) => (corsOrigins.has(ctx.get("Origin")) ? ctx.get("Origin") : ""),
  allowMethods: [%methods-quoted%],
  allowHeaders: %headers-json%,
  exposeHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
  keepHeadersOnError: true,
}));
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""")

NESTJS: Final = Template("""
// %developing%
// main.ts, after NestFactory.create and before app.listen; guards come later, so OPTIONS passes
app.enableCors({
  origin: [%origins-quoted%],
  methods: [%methods-quoted%],
  allowedHeaders: %headers-json%,
  exposedHeaders: [%exposed-quoted%],
  %credentials%credentials: true,
  maxAge: %max-age%,
});
%answered%// and nowhere else: take out what sets Access-Control-Allow-Origin so far
""")

JAVASCRIPT: Final[dict[str, Writer]] = {
    "express": EXPRESS,
    "fastify": FASTIFY,
    "koa": KOA,
    "nestjs": NESTJS,
}
