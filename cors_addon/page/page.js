'use strict';
{
  const root = document.documentElement;
  const token = document.body.dataset.token;
  const filter = document.getElementById('filter');
  const filtered = document.getElementById('filtered');
  const state = document.getElementById('state');
  const say = document.getElementById('say');
  const QUICK = 1000, SLOW = 3000, HIDDEN = 10000;
  // A document that was filtered by the server lacks cards.
  let version = filter.value ? 0 : Number(document.body.dataset.version);
  let answered = false, pause = QUICK, timer = 0, ends = null;

  // The only place where text becomes HTML: what this page's own server rendered and escaped.
  const policy = window.trustedTypes?.createPolicy('cors-page', {createHTML: (html) => html}) ?? {createHTML: (html) => html};
  const parsed = (html) => {
    const template = document.createElement('template');
    template.innerHTML = policy.createHTML(html);
    return template.content;
  };

  // --- showing -----------------------------------------------------------------------------------------------

  const alike = (old, now) => old.nodeName === now.nodeName && (old.id ?? '') === (now.id ?? '');

  // Changes `old` in place, so that focus, selection and what the reader opened stay.
  const become = (old, now) => {
    for (const {name} of [...old.attributes])
      if (!now.hasAttribute(name) && name !== 'open' && name !== 'hidden') old.removeAttribute(name);
    for (const {name, value} of now.attributes)
      if (name !== 'open' && old.getAttribute(name) !== value) old.setAttribute(name, value);
    fill(old, now);
  };
  const fill = (old, now) => {
    let at = old.firstChild;
    for (const next of [...now.childNodes]) {
      if (at && alike(at, next)) {
        if (at.nodeType === Node.ELEMENT_NODE) become(at, next);
        else if (at.nodeValue !== next.nodeValue) at.nodeValue = next.nodeValue;
        at = at.nextSibling;
      } else old.insertBefore(next, at);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  const list = (name, entries) => {
    const items = document.getElementById(`${name}-cards`);
    const known = new Map([...items.children].map((item) => [item.id, item]));
    const wanted = new Set(entries.map(([id]) => id));
    const focused = items.contains(document.activeElement) ? document.activeElement : null;
    const fresh = [];
    for (const [id, item] of known) if (!wanted.has(id)) item.remove();
    let at = items.firstElementChild;
    for (const [id, html] of entries) {
      let item = known.get(id);
      if (html !== null) {
        const made = parsed(html).firstElementChild;
        if (item) become(item, made);
        else {
          item = made;
          fresh.push(item);
        }
      }
      if (!item) {
        version = 0;
        continue;
      }
      if (item === at) at = at.nextElementSibling;
      else items.insertBefore(item, at);
    }
    if (focused && !focused.isConnected) document.getElementById(name).focus({preventScroll: true});
    else if (focused && document.activeElement !== focused) focused.focus({preventScroll: true});
    return fresh;
  };

  const show = (update) => {
    const first = version === 0;
    version = update.version;
    for (const [id, html] of Object.entries(update.regions)) fill(document.getElementById(id), parsed(html));
    for (const [name, entries] of Object.entries(update.lists)) {
      const fresh = list(name, entries);
      if (first || !fresh.length) continue;
      for (const item of fresh) item.classList.add('fresh');
      if (name === 'blocked')
        tell(fresh.length > 1 ? `${fresh.length} more are blocked` : `Blocked: ${fresh[0].querySelector('h3').textContent}`);
    }
    document.title = update.title;
    search();
    count();
  };

  const tell = (text) => { say.textContent = text; };
  const standing = (text, kind) => {
    state.textContent = text;
    state.className = `state ${kind}`;
    state.hidden = false;
  };

  const search = () => {
    const words = filter.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const cards = [...document.querySelectorAll('.card')];
    let shown = 0;
    for (const card of cards) {
      card.hidden = !words.every((word) => card.dataset.find.includes(word));
      shown += !card.hidden;
    }
    filtered.hidden = !words.length;
    filtered.textContent = words.length ? `The filter shows ${shown} of ${cards.length}.` : '';
  };

  // The time left runs here; the server tells it only when something changes.
  const count = () => {
    const left = document.querySelector('.left');
    ends = left && {left, at: performance.now() + 1000 * Number(left.dataset.left)};
  };
  const duration = (seconds) => {
    const minutes = Math.floor(seconds / 60);
    if (minutes < 1) return `${seconds} s`;
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  };
  setInterval(() => {
    if (!ends) return;
    const seconds = Math.max(0, Math.floor((ends.at - performance.now()) / 1000));
    const text = duration(seconds);
    if (ends.left.textContent !== text) ends.left.textContent = text;
    if (!seconds) ends = null;
  }, 1000);

  // --- asking ------------------------------------------------------------------------------------------------

  // A program that listened at this port before may have left a service worker. One that has claimed this page would
  // read its token and every answer, so the page falls silent.
  class Overheard extends Error {}
  const worker = navigator.serviceWorker;
  const overheard = 'A service worker at this address could listen; stop it and load the page again';

  const ask = async (path, options) => {
    if (worker?.controller) throw new Overheard();
    return fetch(`${path}?since=${version}`, {
      ...options,
      headers: {'X-Cors-Page': token},
      mode: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(15000),
    });
  };

  const failed = (error) => {
    const told = error instanceof Overheard ? overheard : 'The proxy does not answer';
    if (state.textContent !== told) tell(told);
    standing(told, 'bad');
  };

  const take = async (response) => {
    if (response.status === 403 && answered) {
      location.reload();
      return false;
    }
    if (response.status !== 200 && response.status !== 204) {
      const told = await response.json().then((body) => body.error, () => '');
      standing(told || `The proxy answers with status ${response.status}.`, 'bad');
      tell(state.textContent);
      return false;
    }
    answered = true;
    standing('Live', 'good');
    if (response.status === 204) return false;
    const update = await response.json();
    show(update);
    if (update.more) pause = 0;
    return true;
  };

  const poll = async () => {
    clearTimeout(timer);
    const before = pause;
    try {
      pause = QUICK;
      if (!await take(await ask('data', {}))) pause = Math.min(SLOW, before * 1.5 || QUICK);
    } catch (error) {
      pause = SLOW;
      failed(error);
    }
    timer = setTimeout(poll, document.hidden ? HIDDEN : pause);
  };

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) poll();
  });

  document.addEventListener('submit', async (event) => {
    event.preventDefault();
    const form = event.target;
    if (form.id === 'search') return;
    const question = event.submitter?.dataset.confirm;
    if (question && !confirm(question)) return;
    const label = form.querySelector('button').getAttribute('aria-label');
    const wanted = new FormData(form).get('state');
    try {
      const body = new URLSearchParams(new FormData(form));
      await take(await ask(form.getAttribute('action'), {method: 'POST', body}));
      const button = form.querySelector('button');
      if (label && button.getAttribute('aria-checked') === String(wanted === 'on')) tell(`${label} is ${wanted}`);
    } catch (error) {
      failed(error);
    }
    pause = QUICK;
  });

  // --- using -------------------------------------------------------------------------------------------------

  filter.addEventListener('input', search);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && event.target === filter && filter.value) {
      filter.value = '';
      search();
    }
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input')) return;
    event.preventDefault();
    filter.focus();
  });

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('.copy');
    if (!button) return;
    const text = button.previousElementSibling.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Over plain http there is no such interface.
      getSelection().selectAllChildren(button.previousElementSibling);
      document.execCommand('copy');
    }
    const label = button.textContent;
    button.textContent = button.dataset.told ?? 'Copied';
    tell(button.textContent);
    setTimeout(() => { button.textContent = label; }, 2000);
  });

  root.classList.add('script');
  search();
  count();
  poll();
}
