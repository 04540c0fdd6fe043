// Runs in Firefox's own context. The first run starts the observers; every run gives back what was told since the last.
if (Services.corsAddon === undefined) {
  // A sandbox of its own outlives the window that this script runs in.
  const box = new Cu.Sandbox(Services.scriptSecurityManager.getSystemPrincipal(), {wantGlobalProperties: ['ChromeUtils']});
  box.Services = Services;
  Cu.evalInSandbox(`
    const {interfaces: Ci, utils: Cu} = Components;
    const MOST = 20000;
    const kept = {lines: [], events: [], lost: 0};
    const keep = (list, entry) => { if (list.length < MOST) list.push(entry); else kept.lost += 1; };
    const reasons = {};
    for (const [name, value] of Object.entries(Ci.nsILoadInfo))
      if (value && name.startsWith('BLOCKING_REASON_')) reasons[value] = name.slice('BLOCKING_REASON_'.length);
    const text = (result) => {
      if (!result) return null;
      try { return ChromeUtils.getXPCOMErrorName(result); } catch (unnamed) { return '0x' + result.toString(16); }
    };
    const pageOf = (info) => {
      try { return info.loadingPrincipal?.spec ?? info.triggeringPrincipal?.spec ?? ''; } catch (none) { return ''; }
    };
    const credentialsOf = (info) => info.cookiePolicy === Ci.nsILoadInfo.SEC_COOKIES_INCLUDE ? true
      : info.securityMode === Ci.nsILoadInfo.SEC_REQUIRE_CORS_INHERITS_SEC_CONTEXT ? false : null;
    const console = {observe(message) {
      try {
        const error = message.QueryInterface(Ci.nsIScriptError);
        keep(kept.lines, {category: error.category, text: error.errorMessage, at: error.microSecondTimeStamp / 1e6,
                          source: error.sourceName, line: error.lineNumber, column: error.columnNumber});
      } catch (notAScriptError) {}
    }};
    Services.console.registerListener(console);
    const http = {observe(channel, topic) {
      try {
        channel.QueryInterface(Ci.nsIHttpChannel);
        const info = channel.loadInfo;
        if (!info.browsingContextID && info.triggeringPrincipal.isSystemPrincipal) return; // Firefox's own requests
        const event = {topic, id: channel.channelId, url: channel.URI.specIgnoringRef, method: channel.requestMethod,
                       at: Date.now() / 1000, result: text(channel.status), preflight: false, status: null,
                       page: pageOf(info), reason: reasons[info.requestBlockingReason] ?? null,
                       credentials: credentialsOf(info),
                       beacon: info.externalContentPolicyType === Ci.nsIContentPolicy.TYPE_BEACON};
        try { event.preflight = !!channel.getRequestHeader('Access-Control-Request-Method'); } catch (none) {}
        try { event.status = channel.responseStatus; } catch (none) {}
        try {
          // Of what an extension cancels, the loading information often has no reason.
          if (channel.QueryInterface(Ci.nsIPropertyBag).getProperty('cancelledByExtension')) event.reason = 'EXTENSION';
        } catch (none) {}
        keep(kept.events, event);
      } catch (gone) {}
    }};
    for (const topic of ['http-on-modify-request', 'http-on-before-connect', 'http-on-stop-request',
                         'http-on-examine-response', 'http-on-examine-cached-response',
                         'http-on-failed-opening-request'])
      Services.obs.addObserver(http, topic);
    // In the processes of pages: where in the source a request is made, and what is blocked before it is opened.
    const inPages = function () {
      const {interfaces: Ci} = Components;
      const observer = {observe(subject, topic) {
        try {
          const channel = subject.QueryInterface(Ci.nsIHttpChannel);
          const frames = [];
          for (let frame = Components.stack; frame && frames.length < 32; frame = frame.caller ?? frame.asyncCaller)
            if (frame.filename && !frame.filename.startsWith('data:'))
              frames.push([frame.filename, frame.lineNumber, frame.columnNumber, frame.name ?? '']);
          Services.cpmm.sendAsyncMessage('cors-addon', {topic, id: channel.channelId, frames,
            url: channel.URI.specIgnoringRef, method: channel.requestMethod,
            reason: channel.loadInfo.requestBlockingReason, at: Date.now() / 1000,
            page: channel.loadInfo.loadingPrincipal?.spec ?? ''});
        } catch (gone) {}
      }};
      Services.obs.addObserver(observer, 'http-on-opening-request');
      Services.obs.addObserver(observer, 'http-on-failed-opening-request');
    };
    // A port that is blocked for every page gives a channel neither a reason nor, by then, a result.
    const portResult = (url) => {
      try {
        const uri = Services.io.newURI(url);
        return uri.port === -1 || Services.io.allowPort(uri.port, uri.scheme) ? null : 'NS_ERROR_PORT_ACCESS_NOT_ALLOWED';
      } catch (noURL) { return null; }
    };
    Services.ppmm.addMessageListener('cors-addon', {receiveMessage({data}) {
      const failed = data.topic === 'http-on-failed-opening-request';
      keep(kept.events, {...data, topic: 'page-' + data.topic, preflight: false, status: null,
                         result: failed ? portResult(data.url) : null, reason: reasons[data.reason] ?? null});
    }});
    Services.ppmm.loadProcessScript('data:application/javascript,(' + encodeURIComponent(inPages) + ')()', true);
    Services.corsAddon = {take() {
      const told = {lines: kept.lines, events: kept.events, lost: kept.lost};
      kept.lines = []; kept.events = []; kept.lost = 0;
      return JSON.stringify(told);
    }};
  `, box, 'latest', 'resource://cors-addon/observers.js', 1);
}
return Services.corsAddon.take();
