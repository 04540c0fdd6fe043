// Serves apps of Netlify, one port each, in the runtime that runs its edge functions: reads a list of apps on standard
// input and prints the ports by host as JSON once all listen.
const apps = JSON.parse(await new Response(Deno.stdin.readable).text());
const ports = {};

// What the site itself answers: the faults, where it has any.
function site({ lines, options, auth }, request) {
  const { pathname } = new URL(request.url);
  const headers = new Headers({ "content-type": "application/json", server: "Netlify" });
  for (const [name, value] of lines) headers.append(name, value);
  const answer = (status, body = "{}") => new Response(body, { status, headers });
  if (options && request.method === "OPTIONS") return answer(204, null);
  if (auth && request.headers.get("authorization") !== "Basic dTpw") return answer(401);
  if (pathname === "/fail") return answer(500);
  if (pathname !== "/item") return answer(404);
  return request.method === "OPTIONS" ? answer(405) : answer(200);
}

for (const [number, app] of apps.entries()) {
  let edge = (_request, context) => context.next();
  if (app.snippet) {
    const file = `${Deno.cwd()}/edge${number}.js`;
    Deno.writeTextFileSync(file, app.snippet);
    edge = (await import(`file://${file}`)).default;
  }
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) =>
    edge(request, { next: () => Promise.resolve(site(app, request)) }));
  ports[app.host] = server.addr.port;
}
console.log(JSON.stringify(ports));
