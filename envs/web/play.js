// What the environment asks of a page. Put into every document before its own scripts; one round trip an action.
// `page.reset(...)` begins an episode, `page.find(...)` says where to click, `page.look(...)` is what the model sees.
// `core` and the WOB_* names belong to MiniWoB++; a document that has none is not a task.
Object.defineProperty(window, "$episode", {value: (() => {
  const OUTSIDE = ["reward-display", "sync-task-cover", "click-canvas"];  // MiniWoB++'s own, no part of a task
  const SUBMITS = ["button", "submit", "reset", "checkbox", "radio", "image", "color", "file"];

  // A flight task is a page within the page.
  const framed = () => {
    const wrap = document.getElementById("wrap");
    return wrap instanceof HTMLIFrameElement && wrap.contentDocument ? wrap : null;
  };
  const inside = () => { const frame = framed(); return frame ? frame.contentDocument : document; };
  const offset = () => { const frame = framed(); return frame ? frame.getBoundingClientRect() : {left: 0, top: 0}; };

  const ready = async () => {
    while (!WOB_TASK_READY) await new Promise(done => setTimeout(done, 20));
  };

  const goal = () => {
    const said = core.getUtterance();
    return typeof said === "string" ? said : said.utterance;
  };

  // What an earlier episode may have left on a page that is used again.
  const clean = () => {
    core.endEpisode(0);
    if (document.activeElement && document.activeElement !== document.body) document.activeElement.blur();
    for (const mark of ["wob_ref", "wob_eps", "tampered"])
      for (const element of document.querySelectorAll(`[data-${mark}]`)) element.removeAttribute(`data-${mark}`);
    WOB_EPISODE_ID = 0;
    clipboard = left = "";
  };

  // Pictures have no size until they are there, and style sheets ask for theirs only when they are drawn.
  let pictured = false;
  const pictures = async () => {
    const wanted = [...document.images].map(image => image.src).filter(Boolean);
    for (const sheet of pictured ? [] : document.styleSheets)
      for (const rule of sheet.cssRules)
        for (const [, url] of (rule.style ? rule.style.content : "").matchAll(/url\("([^"]*)"\)/g))
          wanted.push(new URL(url, sheet.href || location.href).href);
    pictured = true;
    await Promise.all([...new Set(wanted)].map(url => {
      const image = new Image();
      image.src = url;
      return image.decode().catch(() => null);
    }));
  };

  const reset = async ({seed, mode, milliseconds, still}) => {
    if (typeof core === "undefined" || !core.cover_div) return {fault: "this page is no MiniWoB++ task"};
    clean();
    if (still && window.jQuery) jQuery.fx.off = true;
    Math.seedrandom(seed);
    core.setDataMode(mode);
    core.EPISODE_MAX_TIME = milliseconds;
    core.startEpisodeReal();
    await ready();
    await pictures();
    if (!framed()) core.getDOMInfo();  // writes the references that scripts and observations use
    return {goal: goal()};
  };

  const state = () => ({
    done: WOB_DONE_GLOBAL, raw: WOB_RAW_REWARD_GLOBAL, timed: WOB_REWARD_GLOBAL, reason: WOB_REWARD_REASON,
    left, dom: fingerprint(),
  });

  // 64 bits over the page and what has been typed and ticked in it.
  const fingerprint = () => {
    const root = framed() ? inside().body : document.getElementById("wrap") || document.body;
    const filled = [...root.querySelectorAll("input, textarea, select")].map(one => `${one.value}${one.checked}`);
    const text = root.outerHTML + filled.join("\n");
    let one = 0x811c9dc5, two = 0x1b873593;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      one = Math.imul(one ^ code, 0x01000193);
      two = Math.imul(two ^ code, 0x85ebca6b);
    }
    return [one, two].map(half => (half >>> 0).toString(16).padStart(8, "0")).join("");
  };

  const matches = xpath => {
    const doc = inside();
    const found = doc.evaluate(xpath, doc, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
    return Array.from({length: found.snapshotLength}, (_, i) => found.snapshotItem(i));
  };

  // The `index`-th match: its place on the screen, or why it has none. No xpath: the state only.
  const find = ({xpath, index}) => {
    const now = state();
    if (now.done || now.left || xpath === undefined) return now;
    let found;
    try { found = matches(xpath); } catch (error) { return {...now, fault: "is no XPath that selects elements"}; }
    if (index >= found.length) return {...now, count: found.length};
    const element = found[index];
    if (element.nodeType !== Node.ELEMENT_NODE) return {...now, fault: "selects no element but text or an attribute"};
    if (element.tagName === "OPTION") return {...now, count: found.length, tag: "option"};
    element.scrollIntoViewIfNeeded();
    const box = [...element.getClientRects()].find(one => one.width > 0 && one.height > 0);
    if (!box) return {...now, count: found.length, hidden: true};
    const left = Math.max(0, box.left), top = Math.max(0, box.top);
    const x = (left + Math.min(innerWidth, box.right)) / 2, y = (top + Math.min(innerHeight, box.bottom)) / 2;
    const hit = inside().elementFromPoint(x, y);
    const covered = !(hit && (element === hit || element.contains(hit)));
    if (covered && element.tagName === "BUTTON") element.focus();  // it takes the Enter key instead
    const {left: dx, top: dy} = offset();
    return {...now, count: found.length, tag: element.tagName.toLowerCase(), x: x + dx, y: y + dy, covered};
  };

  // Choose the `index`-th match, an option, by its text: a menu that drops down is not drawn where it could be clicked.
  const choose = ({xpath, index}) => {
    const option = matches(xpath)[index];
    const menu = option && option.closest("select");
    if (!menu) return {fault: "selects no option of a menu"};
    const same = [...menu.options].filter(one => one.text.trim() === option.text.trim());
    for (const one of menu.multiple ? same : same.slice(0, 1)) one.selected = true;
    for (const name of ["input", "change"]) menu.dispatchEvent(new Event(name, {bubbles: true}));
    return {};
  };

  const html = beside => {
    if (framed()) return inside().body.outerHTML;
    const parts = beside
      ? [...document.body.children].filter(one => !OUTSIDE.includes(one.id) && one.tagName !== "SCRIPT")
      : [document.getElementById("wrap") || document.body];
    return parts.map(one => one.outerHTML).join("\n");
  };

  const role = element => {
    const tag = element.tagName.toLowerCase();
    if (tag === "input") return SUBMITS.includes(element.type) ? element.type : "text";
    return {a: "link", select: "menu", textarea: "text", li: "item", td: "cell", th: "cell"}[tag] || tag;
  };

  const own = element => [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE)
    .map(node => node.data).join(" ").replace(/\s+/g, " ").trim();

  // One line an element that says something or can be acted on: what it is, its reference, its text, its state.
  const tree = () => {
    const lines = [];
    const walk = element => {
      if (OUTSIDE.includes(element.id) || element.id === "query") return;
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) return;
      const kind = role(element), text = own(element) || element.title || element.placeholder || "";
      const acts = ["text", "menu", "option", "link", "button", ...SUBMITS].includes(kind);
      if (text || acts || !element.firstElementChild) {
        const ref = element.dataset && element.dataset.wob_ref;
        const value = kind === "text" && element.value ? ` = ${JSON.stringify(element.value)}` : "";
        const on = element.checked || element.selected ? " on" : "";
        const colour = element.dataset && element.dataset.color || element.getAttribute("fill") || "";
        lines.push([ref || "-", kind, text && JSON.stringify(text), colour].filter(Boolean).join(" ") + value + on);
      }
      for (const child of element.children) walk(child);
    };
    for (const child of inside().body.children) if (child.tagName !== "SCRIPT") walk(child);
    return lines.join("\n");
  };

  const look = ({form, beside, most}) => {
    if (!framed()) core.getDOMInfo();
    const text = form === "html" ? html(beside) : tree();
    return {goal: goal(), page: text.slice(0, most), cut: text.length > most};
  };

  // Where the page wanted to go; it does not go. Told at once, while a refused request would be told a moment later.
  let left = "";
  if (window === top)
    navigation.addEventListener("navigate", event => {
      if (event.hashChange || event.destination.sameDocument) return;
      left = event.destination.url;
      event.preventDefault();
    });

  // One clipboard a page: the browser's own is shared by all its pages.
  let clipboard = "";
  const selected = () => {
    const field = document.activeElement;
    if (field && typeof field.value === "string" && field.selectionStart !== null)
      return field.value.slice(field.selectionStart, field.selectionEnd);
    return String(getSelection());
  };
  const owned = () => {
    for (const name of ["copy", "cut"])
      addEventListener(name, event => {
        const text = selected();
        if (text) clipboard = text;
        if (text && name === "cut") document.execCommand("delete");
        event.preventDefault();
      }, true);
    addEventListener("paste", event => {
      event.preventDefault();
      if (clipboard) document.execCommand("insertText", false, clipboard);
    }, true);
  };
  owned();

  return {reset, find, choose, look};
})()});
