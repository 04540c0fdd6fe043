// What a page, frame or worker of a test does: perform() makes one load and says how it ended for the script.
'use strict';

function settled(element, yes, no) {
  return new Promise((resolve) => {
    element.addEventListener(yes, () => resolve({ok: true}), {once: true});
    element.addEventListener(no, () => resolve({ok: false}), {once: true});
  });
}

function streamOf(text) {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}

const loads = {
  async fetch({url, init = {}, stream, cancel}) {
    const options = {...init};
    if (stream) {
      options.body = streamOf(stream);
      options.duplex = 'half';
    }
    const response = await fetch(url, options);
    const text = response.type.startsWith('opaque') ? '' : await response.text();
    return {ok: true, status: response.status, type: response.type, text: text.slice(0, 40)};
  },
  xhr({url, method = 'GET', headers = {}, body = null, withCredentials = false, upload = false, sync = false, user, password}) {
    const request = new XMLHttpRequest();
    request.open(method, url, !sync, user, password);
    request.withCredentials = withCredentials;
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (upload) request.upload.addEventListener('progress', () => {});
    const done = settled(request, 'load', 'error');
    request.send(body);
    return done;
  },
  img: ({url, crossorigin}) => insert('img', {src: url, crossorigin}),
  script: ({url, crossorigin, type}) => insert('script', {type, crossorigin, src: url}),
  style: ({url, crossorigin}) => insert('link', {rel: 'stylesheet', crossorigin, href: url}),
  preload: ({url, crossorigin, as, rel = 'preload'}) => insert('link', {rel, as, crossorigin, href: url}),
  audio({url, crossorigin, element: name = 'audio'}) {
    const element = document.createElement(name);
    element.preload = 'auto';
    if (crossorigin !== undefined) element.setAttribute('crossorigin', crossorigin);
    const done = settled(element, 'canplaythrough', 'error');
    element.src = url;
    return done;
  },
  track({url, media, crossorigin}) {
    const element = document.createElement('video');
    if (crossorigin !== undefined) element.setAttribute('crossorigin', crossorigin);
    const track = document.createElement('track');
    track.default = true;
    const done = settled(track, 'load', 'error');
    track.src = url;
    element.append(track);
    document.body.append(element);
    track.track.mode = 'showing';
    return done;
  },
  async font({url}) {
    await new FontFace('f' + Math.random().toString(36).slice(2), `url(${url})`).load();
    return {ok: true};
  },
  mask({url}) {
    // masks are fetched in mode cors, credentials same-origin; no event tells when, so an image beside it does
    const box = document.createElement('div');
    box.style.cssText = `width:9px;height:9px;mask-image:url(${url})`;
    document.body.append(box);
    return new Promise((resolve) => setTimeout(() => resolve({ok: true}), 700));
  },
  async module({url}) {
    await import(url);
    return {ok: true};
  },
  eventsource({url, withCredentials = false}) {
    const source = new EventSource(url, {withCredentials});
    return settled(source, 'message', 'error').finally(() => source.close());
  },
  async beacon({url, type, body = 'x'}) {
    const queued = navigator.sendBeacon(url, type === undefined ? body : new Blob([body], {type}));
    return {ok: queued};
  },
  ping({url, href}) {
    const link = document.createElement('a');
    link.href = '#';
    link.ping = url;
    document.body.append(link);
    link.click();
    return {ok: true};
  },
  form({url, method = 'POST', enctype}) {
    const frame = document.createElement('iframe');
    frame.name = 'form' + Math.random().toString(36).slice(2);
    document.body.append(frame);
    const form = document.createElement('form');
    Object.assign(form, {action: url, method, target: frame.name});
    if (enctype) form.enctype = enctype;
    form.append(Object.assign(document.createElement('input'), {name: 'a', value: 'b'}));
    document.body.append(form);
    const done = settled(frame, 'load', 'error');
    form.submit();
    return done;
  },
  iframe: ({url}) => insert('iframe', {src: url}),
  object: ({url}) => insert('object', {data: url}),
  websocket({url}) {
    const socket = new WebSocket(url.replace(/^http/, 'ws'));
    // `close` alone is what Firefox fires where the other side hung up before it told of `open`
    const closed = new Promise((resolve) => socket.addEventListener('close', () => resolve({ok: false})));
    return Promise.race([settled(socket, 'open', 'error'), closed]).finally(() => socket.close());
  },
  worker({url, type}) {
    const worker = new Worker(url, {type: type ?? 'classic'});
    return settled(worker, 'message', 'error');
  },
  async together({loads: several}) {
    const results = await Promise.all(several.map(perform));
    return {ok: results.every((one) => one.ok)};
  },
};

function insert(tag, attributes) {
  const element = document.createElement(tag);
  const done = settled(element, 'load', 'error');
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  document.body.append(element);
  return done;
}

function within(milliseconds, promise) {
  const late = new Promise((resolve) => setTimeout(() => resolve({ok: false, late: true}), milliseconds));
  return Promise.race([promise, late]);
}

async function perform(load) {
  try {
    return await within(load.patience ?? 8000, (async () => loads[load.how](load))());
  } catch (error) {
    return {ok: false, error: String(error)};
  }
}

// --- elsewhere: a frame or a worker says it is ready, is told the load, answers with the result

function inFrame(load, source, sandbox) {
  const frame = document.createElement('iframe');
  if (sandbox !== undefined) frame.setAttribute('sandbox', sandbox);
  const done = new Promise((resolve) => {
    addEventListener('message', function heard(event) {
      if (event.source !== frame.contentWindow) return;
      if (event.data === 'ready') {
        frame.contentWindow.postMessage(load, '*');
      } else {
        removeEventListener('message', heard);
        resolve(event.data);
      }
    });
  });
  frame.src = source;
  document.body.append(frame);
  return within((load.patience ?? 8000) + 1000, done);
}

function inWorker(load) {
  const worker = new Worker('/worker.js');
  const done = new Promise((resolve) => {
    worker.addEventListener('message', (event) => resolve(event.data), {once: true});
    worker.addEventListener('error', () => resolve({ok: false, error: 'the worker failed'}), {once: true});
  });
  worker.postMessage(load);
  return within((load.patience ?? 8000) + 1000, done); // not terminated: what it still has to tell the DevTools would be lost
}

let serviced; // the registration, one for all cases of a page

async function inServicedFrame(load) {
  serviced ??= navigator.serviceWorker.register('/service.js', {scope: '/serviced/'});
  const registration = await serviced;
  const worker = registration.installing ?? registration.waiting;
  if (worker) {
    await new Promise((resolve) => {
      const active = () => worker.state === 'activated' && resolve();
      worker.addEventListener('statechange', active);
      active();
    });
  }
  return inFrame(load, '/serviced/frame');
}

function performAt(load) {
  const [where, origin = ''] = (load.where ?? 'page').split(' ');
  switch (where) {
    case 'page': return perform(load);
    case 'frame': return inFrame(load, `${origin}/frame`);
    case 'sandbox': return inFrame(load, `${origin}/frame`, 'allow-scripts allow-forms');
    case 'data': return inFrame(load, document.getElementById('data-frame').textContent);
    case 'worker': return inWorker(load);
    case 'serviced': return inServicedFrame(load);
    default: throw new Error(`no such place: ${where}`);
  }
}

async function runAll(cases, atOnce) {
  const results = {};
  const waiting = [...cases];
  async function work() {
    for (let one; (one = waiting.shift()) !== undefined;) {
      results[one.name] = [];
      for (const load of one.loads) results[one.name].push(await performAt(load));
    }
  }
  await Promise.all(Array.from({length: atOnce}, work));
  return results;
}

function serveParent() {
  addEventListener('message', async (event) => {
    if (event.data && event.data.how) parent.postMessage(await perform(event.data), '*');
  });
  parent.postMessage('ready', '*');
}

function serveOwner() {
  addEventListener('message', async (event) => postMessage(await perform(event.data)));
}
