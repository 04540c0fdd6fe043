// Everything that a page can do to another origin, or to its own, without being let in. `attack(base)` returns what it
// learned: a list of texts, empty where the other side kept to itself. Requests that would change something are sent on
// the way; whether they did is for the test to see.
'use strict';

const PATIENCE = 1500;   // for what gives no sign of its end
const LONGEST = 20000;
const SIGNS = /data-token|"version"|"regions"|open-secret/;

const within = (promise, patience) =>
  Promise.race([promise, new Promise((resolve) => setTimeout(resolve, patience, null))]);

async function attack(base) {
  const learned = new Set();
  const learn = (how, what) => { learned.add(`${how}: ${String(what).slice(0, 120)}`); };
  let tries = [];
  const attempt = (how, act, patience = LONGEST) => {
    const tried = within(Promise.resolve().then(act).catch(() => null), patience);
    tries.push(tried.then((got) => { if (got) learn(how, got); }));
  };
  const ended = async () => {
    await Promise.all(tries);
    tries = [];
  };
  const path = (name) => base + name;
  const reads = ['', 'data', 'data?since=0', '?q=a', 'page.js', 'injection'];
  const changes = [['injection', 'state=on'], ['rules', 'name=second&state=on'], ['rules', 'name=first&state=off'], ['clear', 'a=b']];
  const guesses = ['', '&token=', '&token=undefined', '&token=null'];

  addEventListener('message', (event) => {
    if (event.source !== window) learn('message', JSON.stringify(event.data));
  });

  // --- scripts that ask
  for (const name of reads)
    for (const mode of ['cors', 'no-cors', 'same-origin'])
      for (const credentials of ['include', 'omit'])
        attempt(`fetch ${mode}`, async () => {
          const response = await fetch(path(name), {mode, credentials, cache: 'reload'});
          const text = await response.text();
          return SIGNS.test(text) ? text : null;
        });
  attempt('fetch with the header', async () => {
    const text = await (await fetch(path('data?since=0'), {headers: {'X-Cors-Page': 'guess'}})).text();
    return SIGNS.test(text) ? text : null;
  });
  for (const [name, form] of changes)
    for (const guess of guesses)
      for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/json', ''])
        for (const mode of ['cors', 'no-cors', 'same-origin'])
          attempt(`fetch POST ${mode}`, async () => {
            const headers = type ? {'Content-Type': type} : {};
            const text = await (await fetch(path(name), {method: 'POST', mode, headers, body: form + guess, credentials: 'include'})).text();
            return SIGNS.test(text) ? text : null;
          });
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'X-HACK'])
    attempt(`fetch ${method}`, async () => {
      const text = await (await fetch(path('injection'), {method, body: method === 'HEAD' ? undefined : 'state=on'})).text();
      return SIGNS.test(text) ? text : null;
    });
  attempt('XMLHttpRequest', () => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.onloadend = () => resolve(SIGNS.test(request.responseText) ? request.responseText : null);
    request.withCredentials = true;
    request.open('GET', path(''));
    request.send();
  }));
  attempt('XMLHttpRequest for a document', () => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.responseType = 'document';
    request.onloadend = () => resolve(request.response?.querySelector('[data-token]')?.dataset.token);
    request.open('GET', path(''));
    request.send();
  }));
  attempt('EventSource', () => new Promise((resolve) => {
    const source = new EventSource(path('data'), {withCredentials: true});
    source.onopen = () => resolve('open');
    source.onerror = () => { source.close(); resolve(null); };
  }));
  attempt('WebSocket', () => new Promise((resolve) => {
    const socket = new WebSocket(path('data').replace(/^http/, 'ws'));
    socket.onopen = () => resolve('open');
    socket.onclose = () => resolve(null);
  }));
  attempt('cache', async () => {
    const cache = await caches.open('stolen');
    await cache.add(path(''));
    const text = await (await cache.match(path('')))?.text();
    return SIGNS.test(text) ? text : null;
  });
  for (const [name, form] of changes)
    attempt('beacon', () => {
      navigator.sendBeacon(path(name), new URLSearchParams(form));
      navigator.sendBeacon(path(name), form);
    });

  await ended();

  // --- elements
  const element = (how, tag, attributes, judge = () => 'loaded', patience = LONGEST) => attempt(how, () => new Promise((resolve) => {
    const made = document.createElement(tag);
    made.onload = made.onloadeddata = () => resolve(judge(made));
    made.onerror = () => resolve(null);
    Object.assign(made, attributes);
    for (const [key, value] of Object.entries(attributes)) if (!(key in made)) made.setAttribute(key, value);
    document.body.append(made);
  }), patience);
  const trap = {get: () => { learn('setter', 'read'); }, set: (value) => { learn('setter', JSON.stringify(value)); }, configurable: true};
  Object.defineProperty(Object.prototype, 'version', trap);
  Object.defineProperty(Object.prototype, 'regions', trap);
  for (const name of reads) {
    element('image', 'img', {src: path(name)}, (image) => image.naturalWidth || null);
    element('script', 'script', {src: path(name)});
    element('module', 'script', {type: 'module', src: path(name)});
    element('style sheet', 'link', {rel: 'stylesheet', href: path(name)}, (link) => link.sheet?.cssRules.length, 2 * PATIENCE);
    element('prefetch', 'link', {rel: 'prefetch', href: path(name)}, () => null, PATIENCE);
    element('video', 'video', {src: path(name)});
    element('embed', 'embed', {src: path(name)}, () => null, PATIENCE);
    for (const tag of ['iframe', 'object'])
      element(tag, tag, tag === 'object' ? {data: path(name)} : {src: path(name)}, (frame) => {
        frame.contentWindow?.postMessage('hello', '*');
        const inside = frame.contentDocument?.documentElement.outerHTML ?? '';
        return SIGNS.test(inside) ? inside : null;
      });
    attempt('import', () => import(path(name)).then(() => 'imported'));
    attempt('worker', () => new Promise((resolve) => {
      const code = `try { importScripts(${JSON.stringify(path(name))}); postMessage('imported'); } catch { postMessage(null); }`;
      const worker = new Worker(URL.createObjectURL(new Blob([code])));
      worker.onmessage = (event) => resolve(event.data);
    }));
    attempt('worker script', () => new Promise((resolve) => {
      const worker = new Worker(path(name));
      worker.onmessage = () => resolve('message');
      worker.onerror = () => resolve(null);
    }));
  }
  const style = document.createElement('style');
  style.textContent = `@import url(${path('')}); @font-face { font-family: stolen; src: url(${path('data')}); } p { font-family: stolen; }`;
  document.head.append(style);

  await ended();

  // --- forms, into frames and into windows
  const submit = (name, body, target, method = 'post', enctype = 'application/x-www-form-urlencoded') => {
    const form = document.createElement('form');
    Object.assign(form, {action: path(name), method, enctype, target});
    for (const [field, value] of new URLSearchParams(body)) {
      const input = document.createElement('input');
      Object.assign(input, {type: 'hidden', name: field, value});
      form.append(input);
    }
    document.body.append(form);
    form.submit();
  };
  const sink = document.createElement('iframe');
  sink.name = 'sink';
  document.body.append(sink);
  const sandbox = document.createElement('iframe');
  sandbox.sandbox = 'allow-forms allow-scripts';
  sandbox.srcdoc = changes.map(([name, form]) =>
    `<form method=post action="${path(name)}">${[...new URLSearchParams(form)].map(([key, value]) => `<input name=${key} value=${value}>`).join('')}</form>`,
  ).join('') + '<script>for (const form of document.forms) form.submit()<\/script>';
  document.body.append(sandbox);
  for (const [name, form] of changes)
    for (const enctype of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']) submit(name, form + '&token=', 'sink', 'post', enctype);
  for (const [name, form] of changes) submit(name, form, 'sink', 'get');

  const look = (opened) => {
    try {
      const inside = opened.document.documentElement.outerHTML;
      return SIGNS.test(inside) ? inside : null;
    } catch {
      return null;
    }
  };
  for (const [how, open] of [
    ['window', () => window.open(path(''), 'opened')],
    ['window without a name', () => window.open(path('data'))],
    ['form in a window', () => { const opened = window.open('about:blank', 'formed'); submit('injection', 'state=on', 'formed'); return opened; }],
  ])
    attempt(how, async () => {
      const opened = open();
      if (!opened) return 'no window was opened: the test could not try';
      const until = performance.now() + PATIENCE - 300;
      let seen = null;
      while (!seen && performance.now() < until) {
        opened.postMessage({state: 'on', action: 'injection'}, '*');
        seen = look(opened);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      opened.close();
      return seen;
    });

  await ended();

  // --- what the browser keeps about loads
  for (const entry of performance.getEntriesByType('resource'))
    if (entry.name.startsWith(base) && new URL(base).origin !== location.origin && (entry.decodedBodySize || entry.responseStatus))
      learn('timing', `${entry.name} ${entry.responseStatus} ${entry.decodedBodySize}`);
  return [...learned].sort();
}
